"""Policy: every tunable number of Interlock with its default, in one place.

Times are integer milliseconds everywhere behind the config file. Values come from
requirements.md and safety.md; where a number was measured or simulated its reason stands beside it.
"""

from typing import Literal

from msgspec import Struct

from interlock_domain.words import StrategyName

SECOND = 1_000
MINUTE = 60 * SECOND


class Backoff(Struct, frozen=True, kw_only=True):
    """Wait before a retry on the same target: initial * factor^n up to max, +-jitter."""

    initial_ms: int = 100
    factor: float = 2.0
    max_ms: int = 5 * SECOND
    jitter: float = 0.5


class Attempts(Struct, frozen=True, kw_only=True):
    """How hard one request tries (requirements B1); the deadline is absolute."""

    max_targets: int = 3
    retries_per_target: int = 1
    deadline_ms: int = 600 * SECOND
    first_token_total_ms: int = 240 * SECOND
    same_target_wait_ms: int = 1 * SECOND
    backoff: Backoff = Backoff()


class Timeouts(Struct, frozen=True, kw_only=True):
    """Limits of one attempt by phase; response = a whole non-streamed answer."""

    connect_ms: int = 5 * SECOND
    response_ms: int = 300 * SECOND
    first_token_ms: int = 90 * SECOND
    stall_ms: int = 45 * SECOND


class Streams(Struct, frozen=True, kw_only=True):
    """Deferred commit and behaviour after a break (requirements C1-C3)."""

    on_break: Literal["error", "verify_prefix", "prefill"] = "error"
    heartbeat_ms: int = 15 * SECOND
    hold_events: int = 8
    hold_bytes: int = 65_536
    head_after_ms: int | None = None
    """None = never: the head is sent with the first content."""


class CooldownPolicy(Struct, frozen=True, kw_only=True):
    """The trip rule and the cooldown ladder (events.md "Trip")."""

    strikes: int = 2
    min_ratio: float = 0.3
    span: int = 20
    span_time_ms: int = 3 * SECOND
    consecutive: int = 5
    consecutive_time_ms: int = 250
    window_ms: int = 60 * SECOND
    initial_ms: int = 15 * SECOND
    factor: float = 2.0
    max_ms: int = 300 * SECOND
    retry_after_cap_ms: int = 300 * SECOND


class HalfOpenPolicy(Struct, frozen=True, kw_only=True):
    """Return of a rested target (requirements D5)."""

    probe_interval_ms: int = 5 * SECOND
    ramp_from: float = 0.1
    ramp_ms: int = 30 * SECOND


class Guards(Struct, frozen=True, kw_only=True):
    """Limits on what heuristics may exclude; quorum 0 stands for `auto`."""

    max_excluded: float = 0.5
    freeze_flips: float = 0.15
    quorum: int = 0


class Budgets(Struct, frozen=True, kw_only=True):
    """Retry and hedge budgets (requirements B6)."""

    retry_ratio: float = 0.2
    retry_floor_per_s: float = 1.0
    hedge_ratio: float = 0.02


class Hedge(Struct, frozen=True, kw_only=True):
    """A second target that may race for the first token (requirements C7)."""

    enabled: bool = False
    after_ms: int | None = None
    """None = the 95th percentile of the target's time to first token, as the worker measured it."""


class Affinity(Struct, frozen=True, kw_only=True):
    """Keeping a session with its target (requirements A5)."""

    enabled: bool = True
    header: str = "x-interlock-session"
    ttl_ms: int = 30 * MINUTE
    table: int = 10_000
    load_factor: float = 1.25
    fail_back: str = "session_end"


class Queue(Struct, frozen=True, kw_only=True):
    """Requests that may wait while every target rests (requirements B3); size 0 = none waits."""

    size: int = 0
    wait_ms: int = 0


class TargetPolicy(Struct, frozen=True, kw_only=True):
    """The fold-side part of the policy, in force for one target."""

    cooldown: CooldownPolicy = CooldownPolicy()
    half_open: HalfOpenPolicy = HalfOpenPolicy()
    quorum: int = 0


class PoolPolicy(Struct, frozen=True, kw_only=True):
    """The request-side part of the policy, in force for one pool."""

    attempts: Attempts = Attempts()
    retry_on: tuple[int, ...] | None = None
    timeouts: Timeouts = Timeouts()
    streams: Streams = Streams()
    max_excluded: float = 0.5
    budgets: Budgets = Budgets()
    failover_on_content_policy: bool = False
    hedge: Hedge = Hedge()
    affinity: Affinity = Affinity()
    queue: Queue = Queue()


class Policy(Struct, frozen=True, kw_only=True):
    """Global policy: the defaults that pools and targets override."""

    target: TargetPolicy = TargetPolicy()
    pool: PoolPolicy = PoolPolicy()
    freeze_flips: float = 0.15


class ServerLimits(Struct, frozen=True, kw_only=True):
    """Limits that protect a gateway process; sizes in bytes."""

    max_body: int = 32 * 1024 * 1024
    max_headers: int = 64 * 1024
    max_concurrent: int = 2_000
    drain_ms: int = 30 * SECOND
    cors_origins: tuple[str, ...] = ()


class Retention(Struct, frozen=True, kw_only=True):
    """How long the embedded stores keep what they hold; max_disk in bytes."""

    events_ms: int = 14 * 24 * 60 * MINUTE
    requests_ms: int = 7 * 24 * 60 * MINUTE
    transitions_ms: int = 30 * 24 * 60 * MINUTE
    max_disk: int = 10 * 1024**3


DEFAULT_STRATEGY = StrategyName.PRIORITY_FAILOVER
