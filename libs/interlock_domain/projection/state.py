"""The state of the routing projection: everything that rows, effects and later records depend on.

Rule: one fold owns it and changes it in place (docs/adr/0002); whoever wants to keep a moment forks it.
It holds no clock but the log's and nothing that does not survive encoding. Dropped: persistent maps,
which cost ten times the fold's budget per row and gave readers nothing that a fork does not.
"""

from msgspec import Struct, field

from interlock_domain.catalog.key import Admin, Alert, GatewayKey
from interlock_domain.catalog.policy import Policy, Retention, ServerLimits, TargetPolicy
from interlock_domain.catalog.pool import Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target
from interlock_domain.events import GatewayReported, SnapshotRejected
from interlock_domain.health.evidence import Evidence
from interlock_domain.health.runs import Refusal
from interlock_domain.projection.clock import FoldClock
from interlock_domain.recorded import RecordedEvent
from interlock_domain.rows import CooldownRow, OutRow, QuarantineRow, StateRow

SWEEP_KEY = "sweep"
"""The deadline of forgetting, beside those of rows."""


class Catalog(Struct):
    """What operators declared, by name, in the order of declaration."""

    revision: int = 0
    digest: str = ""
    origin: str = ""
    allow_removal: bool = False
    policy: Policy = Policy()
    server: ServerLimits = ServerLimits()
    retention: Retention = Retention()
    providers: dict[str, Provider] = {}
    targets: dict[str, Target] = {}
    pools: dict[str, Pool] = {}
    keys: dict[str, GatewayKey] = {}
    alerts: tuple[Alert, ...] = ()
    admins: tuple[Admin, ...] = ()


class Calm(Struct, frozen=True):
    """A cooldown that ended: its level is remembered until 300 s passed without a trip."""

    level: int
    returned_ms: int


class TargetState(Struct, kw_only=True):
    """What is known of a target. `evidence`: gateway -> shape (or `*`) -> what it saw."""

    provider: str
    declared: bool
    ok: int = 0
    failed: int = 0
    ok_ms: int | None = None
    evidence: dict[str, dict[str, Evidence]] = {}
    learned: dict[str, CooldownRow] = {}
    operator: dict[str, CooldownRow] = {}
    calm: dict[str, Calm] = {}
    run: list[Refusal] = []
    out: OutRow | None = None
    state: StateRow | None = None


class ProviderState(Struct):
    """What is known of a provider. `fingerprints`: credential -> when a gateway last reported it."""

    state: StateRow | None = None
    quarantines: dict[str, QuarantineRow] = {}
    fingerprints: dict[str, int] = {}


class PoolState(Struct):
    """What is known of a pool. `gateways`: gateway -> when it last named the pool."""

    state: StateRow | None = None
    members: dict[str, StateRow] = {}
    gateways: dict[str, int] = {}


class BootState(Struct, kw_only=True):
    """One boot of one worker: how far its facts came, and what it last said of itself.

    `unjudged` counts facts that came before the first report; `lost` those missing from the sequence.
    `ok_ms`: provider -> the last success.
    """

    seq: int
    seen_ms: int
    lost: int = 0
    unjudged: int = 0
    report: GatewayReported | None = None
    reported_ms: int = 0
    rejected: SnapshotRejected | None = None
    ok_ms: dict[str, int] = {}


class GatewayState(Struct):
    """One gateway: its boots by `worker/boot`, and whether it reported within 10 s."""

    boots: dict[str, BootState] = {}
    live: bool = False


class Gap(Struct, frozen=True, kw_only=True):
    """A decision that should have come first: the relay has to publish again from there.

    `batch` is set when the beginning of a batch is missing; then it has to come again as a whole.
    """

    stream: str
    expected: int
    got: int
    batch: str | None = None


class Table(Struct):
    """The rows as last taken: `hashes` by key, their sum, what to look at again, what waits to be taken."""

    hashes: dict[str, bytes] = {}
    total: bytes = bytes(16)
    dirty: dict[str, bool] = {}
    waiting: dict[str, bytes | None] = {}


class State(Struct, kw_only=True):
    """All of it. `due`: row key -> no later than when time alone may change it (a lower bound)."""

    position: int = 0
    clock: FoldClock = field(default_factory=FoldClock)
    catalog: Catalog = field(default_factory=Catalog)
    providers: dict[str, ProviderState] = {}
    targets: dict[str, TargetState] = {}
    pools: dict[str, PoolState] = {}
    gateways: dict[str, GatewayState] = {}
    refusals: dict[str, dict[str, list[Refusal]]] = {}
    """Provider -> fingerprint -> the run of refused requests; almost always empty."""
    versions: dict[str, int] = {}
    staged: list[RecordedEvent] = []
    gap: Gap | None = None
    unattributed: int = 0
    """Facts without a source: nobody can tell duplicates of them, so they are only counted."""
    due: dict[str, int] = field(default_factory=lambda: {SWEEP_KEY: 0})
    next_due_ms: int = 0
    table: Table = field(default_factory=Table)

    @property
    def log_ms(self) -> int:
        """The fold clock at `position`."""
        return self.clock.now_ms

    @property
    def staging(self) -> bool:
        """Inside a batch whose last record has not come: `position` stands before it."""
        return bool(self.staged)


def empty_state() -> State:
    """The state before the first record."""
    return State()


def policy_of(state: State, target: str) -> TargetPolicy:
    """The fold-side policy in force for a target."""
    declared = state.catalog.targets.get(target)
    if declared is not None and declared.policy is not None:
        return declared.policy
    return state.catalog.policy.target


def live_gateways(state: State) -> tuple[str, ...]:
    """Gateways that reported within 10 s, sorted."""
    return tuple(sorted(name for name, gateway in state.gateways.items() if gateway.live))


def strikes_of(state: State, target: str, shape: str) -> int:
    """Failures in the lists of (target, shape), all gateways together: what views show beside a cooldown."""
    known = state.targets.get(target)
    if known is None:
        return 0
    return -sum(
        n for lists in known.evidence.values() if shape in lists for _, n in lists[shape].runs if n < 0
    )
