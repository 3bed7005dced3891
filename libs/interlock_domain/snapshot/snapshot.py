"""The snapshot: an immutable, versioned value that routing reads, with every pool compiled.

Rule: nothing observable of a snapshot ever changes; what is filled in later (exact-model pools,
the lanes of routing) is a memo of a pure function, bounded, and outside equality. Two snapshots of
the same rows are equal however they were made. Dropped: a lookup of rows at request time, because a
decision must not depend on the size of the fleet; one table patched in place, because a request in
flight would then see two states.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from interlock_domain.catalog.policy import PoolPolicy, TargetPolicy
from interlock_domain.catalog.pool import Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target, split_target_id
from interlock_domain.rows import (
    CatalogRow,
    CommitRow,
    PoolRow,
    ProviderRow,
    StateRow,
    TargetRow,
    version_text,
)
from interlock_domain.words import StrategyName

EXACT_KEPT: Final = 1_000
"""Exact names kept compiled: more than any client set asks for in a minute, under 1 MB."""


@dataclass(frozen=True, slots=True)
class CompiledTarget:
    """A target with everything that a call needs; `target` None: no config declares it (A7)."""

    id: str
    provider: Provider
    target: Target | None
    upstream_model: str
    policy: TargetPolicy


@dataclass(frozen=True, slots=True)
class CompiledMember:
    """A target as one pool sees it, with the rows that decide about it; None: the row says nothing."""

    target: CompiledTarget
    priority: int = 1
    weight: int = 1
    row: TargetRow | None = None
    provider_row: ProviderRow | None = None
    state: StateRow | None = None


@dataclass(frozen=True, slots=True)
class CompiledPool:
    """A pool ready for routing. `lanes` is routing's memo: what it computed per (api, shape, needs)."""

    name: str
    strategy: StrategyName
    policy: PoolPolicy
    expose_model: str
    min_software_version: str | None
    members: tuple[CompiledMember, ...]
    row: PoolRow | None = None
    narrowest: int | None = None
    """The smallest declared context window among the members, in tokens; None: none is declared."""
    widest: int | None = None
    """The largest one; None: a member declares none, so nobody knows what is too long for all."""
    lanes: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TableRows:
    """The dynamic rows by kind, decoded; keys are target ids, provider names and pool names."""

    targets: Mapping[str, TargetRow]
    providers: Mapping[str, ProviderRow]
    pools: Mapping[str, PoolRow]


@dataclass(frozen=True, slots=True)
class Reach:
    """Which pools a row of a target or of a provider can touch, by name."""

    of_target: Mapping[str, Collection[str]]
    of_provider: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one decision may read beside its inputs; `rows` and `total` are what patches start from."""

    catalog: CatalogRow
    commit: CommitRow
    pools: Mapping[str, CompiledPool]
    providers: Mapping[str, Provider] = field(repr=False)
    targets: Mapping[str, CompiledTarget] = field(repr=False)
    """Declared targets and pool members."""
    dynamic: TableRows = field(repr=False)
    rows: Mapping[str, bytes] = field(repr=False)
    total: int
    reach: Reach = field(compare=False, repr=False)
    _exact: dict[str, CompiledPool] = field(default_factory=dict, compare=False, repr=False)

    @property
    def version(self) -> str:
        """`g<generation>:<position>`."""
        return version_text(self.commit.generation, self.commit.position)

    @property
    def generation(self) -> int:
        """Raised by operators after a restore; positions of different generations don't compare."""
        return self.commit.generation

    @property
    def position(self) -> int:
        """The last log position that the rows contain."""
        return self.commit.position

    @property
    def log_ms(self) -> int:
        """The fold clock at `position`."""
        return self.commit.log_ms

    @property
    def digest(self) -> str:
        """The table's digest, as the commit promised and the compiler proved."""
        return self.commit.digest

    def resolve(self, model: str) -> CompiledPool | None:
        """The pool of that name, else the pool of one for an exact `provider/model`, else None."""
        pool = self.pools.get(model)
        if pool is not None:
            return pool
        kept = self._exact.pop(model, None)
        if kept is None:
            kept = self._exact_pool(model)
            if kept is None:
                return None
            if len(self._exact) >= EXACT_KEPT:
                del self._exact[next(iter(self._exact))]
        self._exact[model] = kept
        return kept

    def compiled_target(self, target: str) -> CompiledTarget | None:
        """The target, declared or not; None when its provider is unknown or the id names no model."""
        known = self.targets.get(target)
        if known is not None:
            return known
        provider_name, model = split_target_id(target)
        provider = self.providers.get(provider_name)
        if provider is None or not model:
            return None
        return compile_target(provider, target, None, self.catalog.policy.target)

    def member(self, target: CompiledTarget, *, priority: int = 1, weight: int = 1) -> CompiledMember:
        """The target with its dynamic rows, as a pool without member state sees it."""
        return CompiledMember(
            target,
            priority=priority,
            weight=weight,
            row=self.dynamic.targets.get(target.id),
            provider_row=self.dynamic.providers.get(target.provider.name),
        )

    def _exact_pool(self, model: str) -> CompiledPool | None:
        target = self.compiled_target(model)
        if target is None:
            return None
        members = (self.member(target),)
        return CompiledPool(
            name=model,
            strategy=StrategyName.PRIORITY_FAILOVER,
            policy=self.catalog.policy.pool,
            expose_model="served",
            min_software_version=None,
            members=members,
            row=self.dynamic.pools.get(model),
            narrowest=min(_windows(members), default=None),
            widest=_widest(members),
        )


def compile_target(
    provider: Provider, target_id: str, target: Target | None, default: TargetPolicy
) -> CompiledTarget:
    """A target with its redirect applied and its effective fold-side policy."""
    if target is None:
        return CompiledTarget(target_id, provider, None, split_target_id(target_id)[1], default)
    return CompiledTarget(
        target_id, provider, target, target.upstream_model or target.model, target.policy or default
    )


def compile_pool(
    pool: Pool, targets: Mapping[str, CompiledTarget], dynamic: TableRows, default: PoolPolicy
) -> CompiledPool:
    """A declared pool over compiled targets; every member must be among them."""
    row = dynamic.pools.get(pool.name)
    states = row.members if row is not None else {}
    members = []
    for member in pool.members:
        target = targets[member.target]
        members.append(
            CompiledMember(
                target,
                member.priority,
                member.weight,
                dynamic.targets.get(member.target),
                dynamic.providers.get(target.provider.name),
                states.get(member.target),
            )
        )
    return CompiledPool(
        name=pool.name,
        strategy=pool.strategy,
        policy=pool.policy or default,
        expose_model=pool.expose_model,
        min_software_version=pool.min_software_version,
        members=tuple(members),
        row=row,
        narrowest=min(_windows(members), default=None),
        widest=_widest(members),
    )


def _windows(members: Iterable[CompiledMember]) -> list[int]:
    declared = (member.target.target for member in members)
    return [one.context_window for one in declared if one is not None and one.context_window is not None]


def _widest(members: Collection[CompiledMember]) -> int | None:
    windows = _windows(members)
    return max(windows, default=None) if len(windows) == len(members) else None
