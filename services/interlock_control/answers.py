"""What the admin API answers, as types: one struct per thing that people look at.

Rule: names here are the public contract (they may grow, never change); times are relative for people
(`remaining_s`) and exact beside it in log time (`until_ms`). Values are made in showing.py and nowhere else.
"""

from msgspec import Struct

from interlock_domain.words import AdminState, Eligibility, Reason


class ShapeAnswer(Struct, frozen=True, kw_only=True):
    """A target as requests of one shape see it. `cause` is the log position behind the reason."""

    state: Eligibility
    reason: Reason | None
    reasons: tuple[Reason, ...]
    remaining_s: float | None
    until_ms: int | None
    cause: int | None
    strikes: int


class InPool(Struct, frozen=True, kw_only=True):
    """A target's effective state in one pool, its rules included."""

    pool: str
    state: Eligibility
    reason: Reason | None


class SetBy(Struct, frozen=True, kw_only=True):
    """An operator's state: who, why and until when."""

    state: AdminState
    actor: str | None
    reason: str | None
    remaining_s: float | None
    position: int


class TargetAnswer(Struct, frozen=True, kw_only=True):
    """`state` is the worst of the shapes, before any rule of a pool."""

    id: str
    provider: str
    state: Eligibility
    reasons: tuple[Reason, ...]
    shapes: dict[str, ShapeAnswer]
    in_pools: tuple[InPool, ...]
    set_by: SetBy | None
    declared: bool


class MemberAnswer(Struct, frozen=True, kw_only=True):
    """One member of a pool for text requests, rules of the pool included."""

    target: str
    priority: int
    weight: int
    state: Eligibility
    reasons: tuple[Reason, ...]
    remaining_s: float | None
    cause: int | None
    set_by: SetBy | None


class PoolAnswer(Struct, frozen=True, kw_only=True):
    """A pool; `eligible` counts the members that a text request may use now."""

    name: str
    strategy: str
    state: AdminState
    set_by: SetBy | None
    eligible: int
    members: tuple[MemberAnswer, ...]
    gateways: tuple[str, ...]


class QuarantineAnswer(Struct, frozen=True, kw_only=True):
    """A refused credential, by fingerprint."""

    fingerprint: str
    failure: str
    since_ms: int
    recheck_in_s: float
    evidence: tuple[int, ...]


class ProviderAnswer(Struct, frozen=True, kw_only=True):
    """A provider; `targets` are those that the configuration names."""

    name: str
    base_url: str
    apis: tuple[str, ...]
    state: AdminState
    set_by: SetBy | None
    quarantines: tuple[QuarantineAnswer, ...]
    targets: tuple[str, ...]
    labels: dict[str, str]


class GatewayAnswer(Struct, frozen=True, kw_only=True):
    """A gateway's worker, as it last reported."""

    gateway: str
    worker: int
    boot: str
    live: bool
    reported_s_ago: float
    snapshot: str
    feed_age_ms: int
    in_flight: int
    software: str
    address: str
    outcomes_dropped: int
    records_dropped: int
    lost: int
    pools: tuple[str, ...]


class StateAnswer(Struct, frozen=True, kw_only=True):
    """The whole routing state at one position."""

    position: int
    log_ms: int
    as_of_ms: int
    version: str
    revision: int
    targets: tuple[TargetAnswer, ...]
    pools: tuple[PoolAnswer, ...]
    providers: tuple[ProviderAnswer, ...]
    gateways: tuple[GatewayAnswer, ...]


class Changed(Struct, frozen=True, kw_only=True):
    """One thing that two places show differently; None: it was not there."""

    kind: str
    id: str
    before: object
    after: object


class DiffAnswer(Struct, frozen=True, kw_only=True):
    """What differs between two positions, countdowns left out."""

    from_position: int
    to_position: int
    changed: tuple[Changed, ...]
