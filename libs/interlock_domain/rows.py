"""Rows of the state feed and of the views: what the fold publishes and snapshots are compiled from.

Rule: a row is a function of the log alone. It never says "half-open" or "ramping", because those
depend on the reader's moment; it holds deadlines on the fold clock and `cooldown_phase` below turns
them into a phase, for the fold, the router and the views alike. A row that says nothing (a target
without any state) does not exist, so a healthy fleet has an almost empty feed.

Row hash = first 16 bytes of SHA-256(key, 0x00, payload); table digest = sum mod 2^128, in hex.
Payloads are canonical JSON, never compressed here: compressors differ between builds and would make
digests differ; an adapter may compress on its wire.
"""

from enum import StrEnum

from msgspec import Struct, field

from interlock_domain.catalog.key import GatewayKey
from interlock_domain.catalog.policy import HalfOpenPolicy, Policy, ServerLimits
from interlock_domain.catalog.pool import Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target
from interlock_domain.words import AdminState, FailureClass, Provenance

CATALOG_KEY = "catalog"
COMMIT_KEY = "_commit"
CLUSTER_KEY = "_cluster"


class CatalogRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything operators declared, of one revision; lists are in declaration order."""

    revision: int = 0
    digest: str = ""
    providers: tuple[Provider, ...] = ()
    targets: tuple[Target, ...] = ()
    pools: tuple[Pool, ...] = ()
    policy: Policy = Policy()
    server: ServerLimits = ServerLimits()
    keys: tuple[GatewayKey, ...] = ()
    allow_removal: bool = False


class CooldownRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rest of a (target, shape): cooling until `until_ms`, then half-open, then a ramp.

    `returned_ms` is set by the success that ended half-open; the ramp runs from there.
    `evidence` are log positions. `level` counts doublings.
    """

    shape: str
    provenance: Provenance
    opened_ms: int
    until_ms: int
    failure: FailureClass | None = None
    level: int = 0
    returned_ms: int | None = None
    evidence: tuple[int, ...] = ()
    actor: str | None = None
    reason: str | None = None


class OutRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The target was not found or not permitted; rechecked by one real request after `recheck_ms`."""

    failure: FailureClass
    since_ms: int
    recheck_at_ms: int
    recheck_ms: int
    evidence: tuple[int, ...] = ()


class StateRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An operator's state other than enabled; `until_ms` None: until changed."""

    state: AdminState
    until_ms: int | None = None
    actor: str | None = None
    reason: str | None = None
    position: int = 0


class TargetRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Dynamic part of a target (`target/<id>`). At most one learned and one operator rest a shape."""

    state: StateRow | None = None
    learned: tuple[CooldownRow, ...] = ()
    operator: tuple[CooldownRow, ...] = ()
    out: OutRow | None = None


class QuarantineRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A credential that upstream refuses; `recheck_at_ms` = when one real request may try again."""

    fingerprint: str
    failure: FailureClass
    since_ms: int
    recheck_at_ms: int
    recheck_ms: int
    evidence: tuple[int, ...] = ()


class ProviderRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Dynamic part of a provider (`provider/<name>`)."""

    state: StateRow | None = None
    quarantines: tuple[QuarantineRow, ...] = ()


class PoolRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Dynamic part of a pool (`pool/<name>`); `gateways` = active ones, sorted (60 s, D5)."""

    state: StateRow | None = None
    members: dict[str, StateRow] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()


class ClusterRow(Struct, frozen=True, kw_only=True):
    """What all gateways of a cluster share (`_cluster`): the key that credential fingerprints are made with.

    It travels to our own gateways only and stands outside every digest, export and recomputation.
    """

    key: bytes

    def __repr__(self) -> str:
        """Without the key: who has it can try credentials out against fingerprints that everybody reads."""
        return "ClusterRow(...)"


class CommitRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Closes a consistent set of rows; `log_ms` is the fold clock at `position`."""

    generation: int
    epoch: int
    position: int
    log_ms: int
    digest: str
    gateways: tuple[str, ...] = ()


class CooldownPhase(StrEnum):
    """Where a rest stands at one moment."""

    COOLING = "cooling"
    HALF_OPEN = "half_open"
    RAMPING = "ramping"
    OVER = "over"


def cooldown_phase(row: CooldownRow, policy: HalfOpenPolicy, as_of_ms: int) -> CooldownPhase:
    """The phase of a rest at `as_of_ms` (log time); total, and monotonic in `as_of_ms`."""
    if as_of_ms < row.until_ms:
        return CooldownPhase.COOLING
    if row.returned_ms is None:
        return CooldownPhase.HALF_OPEN
    if as_of_ms < row.returned_ms + policy.ramp_ms:
        return CooldownPhase.RAMPING
    return CooldownPhase.OVER


def version_text(generation: int, position: int) -> str:
    """The snapshot version as written everywhere: `g<generation>:<position>`."""
    return f"g{generation}:{position}"
