"""Section `targets`: optional facts about exact models. A target that a pool names needs no entry here.

Rule: wherever a target is named, its provider must be declared; that is checked where the name is read,
so that the issue stands at the name itself.
"""

import re
from typing import Any, Final

from msgspec import Struct

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.kinds.blocks import Block, Key, ListOf, MapOf, optional
from interlock_domain.catalog.kinds.place import REFUSED, JsonSchema, Place, Plain, nearest_hint, shown
from interlock_domain.catalog.kinds.scalars import QUOTES, Choice, Flag, Text, Whole
from interlock_domain.catalog.sections.policy import TARGET_SIDE, PolicyBlock, overrides, with_target
from interlock_domain.catalog.sections.provider import WELL_KNOWN
from interlock_domain.catalog.target import CAPABILITIES, Target, split_target_id

_TARGET_ID: Final = re.compile(r"[!-.0-~]{1,200}/[!-~]{1,200}")


class TargetId(Plain, Struct, frozen=True):
    """`provider/model` of a declared provider; `providers` None: not checked. A model may hold slashes."""

    providers: tuple[str, ...] | None = None

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if not isinstance(raw, str):
            message = f"{place.words} wants {self.words}, not {shown(raw)}"
            return place.refuse(IssueCode.WRONG_TYPE, message, QUOTES)
        if _TARGET_ID.fullmatch(raw) is None:
            return place.refuse(
                IssueCode.BAD_MEMBER, f"{shown(raw)} is no target", "Write `provider/model`, without spaces."
            )
        provider, _ = split_target_id(raw)
        if self.providers is not None and provider not in self.providers:
            hint = _declare(provider, self.providers)
            message = f"{shown(raw)} names the unknown provider {shown(provider)}"
            return place.refuse(IssueCode.UNKNOWN_PROVIDER, message, hint)
        return raw

    def write(self, value: str) -> object:
        return value

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": "^[!-.0-~]+/[!-~]+$"}

    @property
    def words(self) -> str:
        return "`provider/model`"


def _declare(provider: str, declared: tuple[str, ...]) -> str:
    if provider in WELL_KNOWN:
        return f"Add `{provider}: {{api_key: env:{provider.upper()}_API_KEY}}` to `providers`."
    return nearest_hint(provider, declared, f"Declare `{provider}` in `providers`.")


TARGET: Final = Block(
    Target,
    (
        Key("upstream_model", optional(Text()), "Name sent upstream, when it differs"),
        Key(
            "capabilities",
            optional(ListOf(Choice(CAPABILITIES), what="capability")),
            "What it can do; absent: nothing is assumed missing",
        ),
        Key("context_window", optional(Whole(1)), "Tokens; longer requests go elsewhere"),
        Key("max_in_flight", optional(Whole(1)), "Concurrent requests, over all gateways"),
        Key("software_version", optional(Text()), "Version of the serving software; put it into quotes"),
        Key("accepts_prefill", Flag(), "It continues an assistant message"),
        Key("streams", optional(Flag()), "`false`: whole answers only, so streamed requests go elsewhere"),
        Key(
            "template_ok", optional(Flag()), "`false`: its chat template fails, so tool requests go elsewhere"
        ),
        Key("tier", Choice(("free", "paid")), "Requests on a free target are never hedged to a paid one"),
        Key("policy", TARGET_SIDE, "`cooldown`, `half_open` and `guards.quorum` for this target"),
    ),
)


class TargetKind(Struct, frozen=True):
    """One target; its id is the last step of the place, `policy` what is in force for all."""

    policy: PolicyBlock = PolicyBlock()

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        name = str(place.path[-1])
        given = TARGET.given(raw, place, _Base(self.policy))
        if given is REFUSED:
            return REFUSED
        own: PolicyBlock = given.pop("policy", self.policy)
        policy = None if own == self.policy else own.for_target()
        provider, model = split_target_id(name)
        return Target(id=name, provider=provider, model=model, policy=policy, **given)

    def write(self, value: Target) -> object:
        policy = self.policy if value.policy is None else with_target(self.policy, value.policy)
        facts = {
            key.name: key.kind.write(getattr(value, key.attribute))
            for key in TARGET.keys
            if key.name != "policy"
        }
        return {**facts, "policy": overrides(TARGET_SIDE, policy, self.policy)}

    def schema(self) -> JsonSchema:
        return TARGET.schema()

    @property
    def words(self) -> str:
        return TARGET.words

    @property
    def inside(self) -> Block[Target]:
        return TARGET


class _Base(Struct, frozen=True):
    """What a partial block keeps: the policy for all."""

    policy: PolicyBlock


def targets(policy: PolicyBlock, providers: tuple[str, ...] | None) -> MapOf:
    """The section, over what is in force for all."""
    return MapOf(TargetId(providers), TargetKind(policy))
