"""Section `pools`: public model names and their members.

Rule: a plain list is `priority_failover` in its order (priorities 1..n); under a weighted strategy plain
members share priority 1 and weight 1. A pool's name holds no slash, so it can never hide an exact
`provider/model`; an empty pool is refused here and therefore never met by a request.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.kinds.blocks import Block, Key, ListOf, MapOf, optional
from interlock_domain.catalog.kinds.place import REFUSED, JsonSchema, Place
from interlock_domain.catalog.kinds.scalars import Choice, Name, Text, Whole
from interlock_domain.catalog.policy import DEFAULT_STRATEGY
from interlock_domain.catalog.pool import Member, Pool
from interlock_domain.catalog.sections.policy import POOL_SIDE, PolicyBlock, overrides, with_pool
from interlock_domain.catalog.sections.target import TargetId
from interlock_domain.words import StrategyName

_BY_ORDER: Final = 0
"""Priority of a member written as plain text, until the strategy is known; the file cannot say 0."""


def _member(target: TargetId) -> Block[Member]:
    return Block(
        Member,
        (
            Key("target", target, "`provider/model`", required=True),
            Key("priority", Whole(1, 1_000_000), "Lower numbers are tried first"),
            Key("weight", Whole(1, 1_000_000), "Share among members of equal priority"),
        ),
    )


class MemberKind(Struct, frozen=True):
    """A member: plain `provider/model`, or a block with priority and weight."""

    target: TargetId

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if isinstance(raw, str):
            target = self.target.read(raw, place)
            return REFUSED if target is REFUSED else Member(target=target, priority=_BY_ORDER)
        member = self.inside.given(raw, place)
        return Member(**member) if member is not REFUSED and "target" in member else REFUSED

    def write(self, value: Member) -> object:
        return self.inside.write(value)

    def schema(self) -> JsonSchema:
        return {"anyOf": [self.target.schema(), {**self.inside.schema(), "type": "object"}]}

    @property
    def words(self) -> str:
        return "`provider/model` or a block of keys"

    @property
    def inside(self) -> Block[Member]:
        return _member(self.target)


def _pool(target: TargetId) -> Block[Pool]:
    members = ListOf(MemberKind(target), identity=lambda member: member.target, what="target")
    return Block(
        Pool,
        (
            Key(
                "strategy",
                Choice(tuple(StrategyName), later=("least_loaded", "thompson"), into=StrategyName),
                "How eligible members are ordered",
            ),
            Key("members", members, "The targets of this pool", required=True),
            Key(
                "expose_model",
                Choice(("served", "pool")),
                "What the client reads in `model`: the upstream's own value, or the pool's name",
            ),
            Key(
                "min_software_version", optional(Text()), "Members that declare a lower version are left out"
            ),
            Key("policy", POOL_SIDE, "Request-side keys of `policy`, for this pool"),
        ),
    )


class PoolKind(Struct, frozen=True):
    """One pool, as a list or as a block; `policy` is what is in force for all."""

    policy: PolicyBlock = PolicyBlock()
    target: TargetId = TargetId()

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        plain = isinstance(raw, list | tuple)
        inner = {"members": raw} if plain else raw
        given = self.inside.given(inner, _Listed(place) if plain else place, _Base(self.policy))
        if given is REFUSED or "members" not in given:
            return REFUSED
        if not given["members"]:
            if not _written(inner):
                place.refuse_whole(
                    IssueCode.EMPTY_POOL,
                    f"{place.words} has no members",
                    "Name at least one `provider/model`.",
                )
            return REFUSED
        own: PolicyBlock = given.pop("policy", self.policy)
        given["members"] = _ordered(given["members"], given.get("strategy", DEFAULT_STRATEGY))
        policy = None if own == self.policy else own.for_pool()
        return Pool(name=str(place.path[-1]), policy=policy, **given)

    def write(self, value: Pool) -> object:
        policy = self.policy if value.policy is None else with_pool(self.policy, value.policy)
        keys = [key for key in self.inside.keys if key.name != "policy"]
        return {key.name: key.kind.write(getattr(value, key.attribute)) for key in keys} | {
            "policy": overrides(POOL_SIDE, policy, self.policy)
        }

    def schema(self) -> JsonSchema:
        plain = {"type": "array", "items": MemberKind(self.target).target.schema(), "minItems": 1}
        return {"anyOf": [plain, {**self.inside.schema(), "type": "object"}]}

    @property
    def words(self) -> str:
        return "a list of `provider/model` or a block of keys"

    @property
    def inside(self) -> Block[Pool]:
        return _pool(self.target)


class _Listed(Place):
    """The place of a pool that is a plain list: its members stand directly in it."""

    __slots__ = ()

    def __init__(self, place: Place) -> None:
        super().__init__(place.path, place.issues_list)

    def at(self, step: str | int) -> Place:
        return Place(self.path, self.issues_list)


class _Base(Struct, frozen=True):
    """What a partial block keeps: the policy for all."""

    policy: PolicyBlock


def _written(raw: object) -> bool:
    """Are there members in the file, though none could be read."""
    return isinstance(raw, Mapping) and bool(raw["members"])


def _ordered(members: tuple[Member, ...], strategy: StrategyName) -> tuple[Member, ...]:
    by_order = strategy is StrategyName.PRIORITY_FAILOVER
    return tuple(
        msgspec.structs.replace(member, priority=number if by_order else 1)
        if member.priority == _BY_ORDER
        else member
        for number, member in enumerate(members, start=1)
    )


def pools(policy: PolicyBlock, providers: tuple[str, ...] | None) -> MapOf:
    """The section, over what is in force for all."""
    return MapOf(Name("the name of a pool"), PoolKind(policy, TargetId(providers)))
