"""What can have happened: one closed union of frozen, tagged, past-tense structs.

Decisions come from the control plane and carry a stream version in their envelope; facts come
from gateways and carry (gateway, worker, boot, seq) instead. Unknown fields are accepted and new
fields have defaults; a tag or a field's type never changes (a new meaning is a new event type).
No event holds a secret, prompt, completion or raw key. All times are integer milliseconds.
"""

from msgspec import Struct, field

from interlock_domain.catalog.key import Admin, Alert, GatewayKey
from interlock_domain.catalog.policy import Policy, Retention, ServerLimits
from interlock_domain.catalog.pool import Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target
from interlock_domain.words import AdminState, FailureClass, Phase


class _Event(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Shared shape of all events: frozen, keyword-only, tagged by class name."""


# --- decisions -----------------------------------------------------------------------------


class ConfigApplied(_Event, frozen=True, kw_only=True, tag="ConfigApplied"):
    """A configuration became revision `revision`; the batch holds the events it implies."""

    revision: int
    base_revision: int
    digest: str
    """Hex SHA-256 over the parsed file as written: no defaults, no comments, keys sorted."""
    origin: str
    """file, api or demo."""
    allow_removal: bool = False
    retention: Retention = Retention()
    alerts: tuple[Alert, ...] = ()
    admins: tuple[Admin, ...] = ()


class PolicySet(_Event, frozen=True, kw_only=True, tag="PolicySet"):
    """The whole policy and the gateways' process limits, as now in force."""

    policy: Policy
    server: ServerLimits = ServerLimits()


class ProviderDefined(_Event, frozen=True, kw_only=True, tag="ProviderDefined"):
    provider: Provider


class ProviderRemoved(_Event, frozen=True, kw_only=True, tag="ProviderRemoved"):
    provider: str


class ProviderStateSet(_Event, frozen=True, kw_only=True, tag="ProviderStateSet"):
    provider: str
    state: AdminState
    expires_in_ms: int | None = None


class CredentialQuarantined(_Event, frozen=True, kw_only=True, tag="CredentialQuarantined"):
    """All targets of (provider, fingerprint) are out until released; one recheck per interval."""

    provider: str
    fingerprint: str
    failure: FailureClass
    recheck_ms: int
    evidence: tuple[int, ...] = ()


class CredentialReleased(_Event, frozen=True, kw_only=True, tag="CredentialReleased"):
    provider: str
    fingerprint: str


class TargetDefined(_Event, frozen=True, kw_only=True, tag="TargetDefined"):
    target: Target


class TargetRemoved(_Event, frozen=True, kw_only=True, tag="TargetRemoved"):
    target: str


class TargetStateSet(_Event, frozen=True, kw_only=True, tag="TargetStateSet"):
    target: str
    state: AdminState
    expires_in_ms: int | None = None


class CooldownSet(_Event, frozen=True, kw_only=True, tag="CooldownSet"):
    """An operator rests a target; shape `*` means all shapes."""

    target: str
    shape: str
    duration_ms: int


class CooldownLifted(_Event, frozen=True, kw_only=True, tag="CooldownLifted"):
    """An operator ends every cooldown of the shape (`*`: of all shapes), ramp included."""

    target: str
    shape: str


class PoolDefined(_Event, frozen=True, kw_only=True, tag="PoolDefined"):
    pool: Pool


class PoolRemoved(_Event, frozen=True, kw_only=True, tag="PoolRemoved"):
    pool: str


class PoolStateSet(_Event, frozen=True, kw_only=True, tag="PoolStateSet"):
    pool: str
    state: AdminState
    expires_in_ms: int | None = None


class MemberStateSet(_Event, frozen=True, kw_only=True, tag="MemberStateSet"):
    """One pool's candidate only; the same target in another pool is untouched."""

    pool: str
    target: str
    state: AdminState
    expires_in_ms: int | None = None


class GatewayKeyDefined(_Event, frozen=True, kw_only=True, tag="GatewayKeyDefined"):
    key: GatewayKey


class GatewayKeyRevoked(_Event, frozen=True, kw_only=True, tag="GatewayKeyRevoked"):
    name: str


# --- facts ---------------------------------------------------------------------------------


class AttemptFailed(_Event, frozen=True, kw_only=True, tag="AttemptFailed"):
    """One attempt failed on a target, whoever was at fault except the caller."""

    request: str
    attempt: int
    pool: str
    target: str
    shape: str
    failure: FailureClass = field(name="class")
    phase: Phase
    status: int | None = None
    retry_after_ms: int | None = None
    elapsed_ms: int = 0
    try_: int = field(name="try", default=1)
    """1 = first call of this target by the request; higher = same-target retry."""
    ok_before: int = 0
    """Successes of this worker on (target, shape) since its last report; before headers: all shapes."""
    probe: bool = False


class AttemptSucceeded(_Event, frozen=True, kw_only=True, tag="AttemptSucceeded"):
    """One success worth telling at once: the gateway's view of (target, shape) was not clean."""

    request: str
    attempt: int
    pool: str
    target: str
    shape: str
    ttft_ms: int | None = None
    duration_ms: int = 0
    try_: int = field(name="try", default=1)
    probe: bool = False


class SuccessRow(Struct, frozen=True, kw_only=True):
    """Successes of one (target, shape) in a second; 16 logarithmic buckets each, see latency.py."""

    target: str
    shape: str
    count: int
    ttft: tuple[int, ...] = ()
    duration: tuple[int, ...] = ()


class SuccessesCounted(_Event, frozen=True, kw_only=True, tag="SuccessesCounted"):
    rows: tuple[SuccessRow, ...]


class GatewayReported(_Event, frozen=True, kw_only=True, tag="GatewayReported"):
    """A gateway's sign of life: each 2 s, at start and at a clean stop."""

    moment: str = "running"
    """start, running or stop."""
    software: str = ""
    address: str = ""
    snapshot: str = ""
    feed_age_ms: int = 0
    in_flight: int = 0
    outcomes_dropped: int = 0
    records_dropped: int = 0
    fingerprints: dict[str, str] = field(default_factory=dict)
    pools: tuple[str, ...] = ()


class SnapshotRejected(_Event, frozen=True, kw_only=True, tag="SnapshotRejected"):
    version: str
    digest: str
    reason: str


class ClockTicked(_Event, frozen=True, kw_only=True, tag="ClockTicked"):
    """Time passed; appended by the lease holder so that deadlines fall due without traffic."""


Decision = (
    ConfigApplied
    | PolicySet
    | ProviderDefined
    | ProviderRemoved
    | ProviderStateSet
    | CredentialQuarantined
    | CredentialReleased
    | TargetDefined
    | TargetRemoved
    | TargetStateSet
    | CooldownSet
    | CooldownLifted
    | PoolDefined
    | PoolRemoved
    | PoolStateSet
    | MemberStateSet
    | GatewayKeyDefined
    | GatewayKeyRevoked
)
Fact = AttemptFailed | AttemptSucceeded | SuccessesCounted | GatewayReported | SnapshotRejected | ClockTicked
Event = Decision | Fact
