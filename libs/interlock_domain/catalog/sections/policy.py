"""Section `policy`: the tunable numbers, and which of them a pool or a target may set for itself.

Rule (events.md "Policy scope"): keys the fold reads are set for all or per target, keys a request reads
for all or per pool, `guards.freeze_flips` for all only. A key in the wrong place is refused with the right
one named, never ignored. Defaults stand in catalog/policy.py.
"""

from enum import Enum
from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock_domain.catalog.kinds.blocks import Block, Key, ListOf, Or, optional, span
from interlock_domain.catalog.kinds.scalars import Choice, Duration, Flag, Number, Size, Text, Whole
from interlock_domain.catalog.policy import (
    Affinity,
    Attempts,
    Backoff,
    Budgets,
    CooldownPolicy,
    Guards,
    HalfOpenPolicy,
    Hedge,
    Policy,
    PoolPolicy,
    Queue,
    Streams,
    TargetPolicy,
    Timeouts,
)


class PolicyBlock(Struct, frozen=True, kw_only=True):
    """The policy as the file groups it, before it is split into its fold side and its request side."""

    attempts: Attempts = Attempts()
    retry_on: tuple[int, ...] | None = None
    timeouts: Timeouts = Timeouts()
    streams: Streams = Streams()
    cooldown: CooldownPolicy = CooldownPolicy()
    half_open: HalfOpenPolicy = HalfOpenPolicy()
    guards: Guards = Guards()
    budgets: Budgets = Budgets()
    hedge: Hedge = Hedge()
    affinity: Affinity = Affinity()
    queue: Queue = Queue()
    failover_on_content_policy: bool = False

    def for_target(self) -> TargetPolicy:
        """What the fold reads."""
        return TargetPolicy(cooldown=self.cooldown, half_open=self.half_open, quorum=self.guards.quorum)

    def for_pool(self) -> PoolPolicy:
        """What a request reads."""
        return PoolPolicy(
            attempts=self.attempts,
            retry_on=self.retry_on,
            timeouts=self.timeouts,
            streams=self.streams,
            max_excluded=self.guards.max_excluded,
            budgets=self.budgets,
            failover_on_content_policy=self.failover_on_content_policy,
            hedge=self.hedge,
            affinity=self.affinity,
            queue=self.queue,
        )

    def for_all(self) -> Policy:
        """The global policy."""
        return Policy(target=self.for_target(), pool=self.for_pool(), freeze_flips=self.guards.freeze_flips)


def as_block(policy: Policy) -> PolicyBlock:
    """The global policy as the file groups it."""
    block = with_pool(with_target(PolicyBlock(), policy.target), policy.pool)
    return msgspec.structs.replace(
        block, guards=msgspec.structs.replace(block.guards, freeze_flips=policy.freeze_flips)
    )


def with_target(block: PolicyBlock, policy: TargetPolicy) -> PolicyBlock:
    """The block with its fold side replaced."""
    guards = msgspec.structs.replace(block.guards, quorum=policy.quorum)
    return msgspec.structs.replace(block, cooldown=policy.cooldown, half_open=policy.half_open, guards=guards)


def with_pool(block: PolicyBlock, policy: PoolPolicy) -> PolicyBlock:
    """The block with its request side replaced."""
    guards = msgspec.structs.replace(block.guards, max_excluded=policy.max_excluded)
    rest = {name: getattr(policy, name) for name in policy.__struct_fields__ if name != "max_excluded"}
    return msgspec.structs.replace(block, guards=guards, **rest)


_RATIO = Number(0.0, 1.0)
_FACTOR = Number(1.0, 100.0)

_BACKOFF = Block(
    Backoff,
    (
        span("initial", "Wait before the first retry on the same target"),
        Key("factor", _FACTOR, "Each further wait is this many times longer"),
        span("max", "No wait is longer"),
        Key("jitter", _RATIO, "Part of the wait that is random, in both directions"),
    ),
    ascending=(("initial", "max"),),
)

_ATTEMPTS = Block(
    Attempts,
    (
        Key("max_targets", Whole(1, 100), "How many different targets one request tries"),
        Key(
            "retries_per_target",
            Whole(0, 10),
            "Retries on the same target, where the failure class allows one",
        ),
        span("deadline", "The whole request, all attempts included; retries never extend it"),
        span("first_token_total", "Time to first content over all attempts of a stream"),
        span("same_target_wait", "Longest stated wait for which the same target is tried again", low_ms=0),
        Key("backoff", _BACKOFF, "Waits between attempts on the same target"),
    ),
)

_TIMEOUTS = Block(
    Timeouts,
    (
        span("connect", "TCP and TLS"),
        span("response", "A whole answer that is not streamed"),
        span("first_token", "First content of a stream, per attempt"),
        span("stall", "Longest silence within a stream that has begun"),
    ),
)

_STREAMS = Block(
    Streams,
    (
        Key(
            "on_break",
            Choice(("error", "verify_prefix", "prefill")),
            "When a stream breaks after content: `error`, in-band, then an abort; `verify_prefix`, the same "
            "request to another target, whose answer goes on if it begins with all that was shown; "
            "`prefill`, the rest of the answer from a target with `accepts_prefill`",
        ),
        span("heartbeat", "Idle time after which a comment is sent"),
        Key("hold_events", Whole(1, 10_000), "Events held back before content, at most"),
        Key("hold_bytes", Size(), "Bytes held back before content, at most"),
        Key(
            "head_after",
            Or("never", None, Duration()),
            "Send status 200 this early, for proxies that give up; later failures are then in-band",
            into="head_after_ms",
        ),
    ),
)

_COOLDOWN = Block(
    CooldownPolicy,
    (
        Key("strikes", Whole(1, 1_000), "Failures that trip a gateway's breaker, together with `min_ratio`"),
        Key("min_ratio", _RATIO, "Failures / attempts that must be reached as well"),
        Key("span", Whole(1, 1_000), "At least this many of the last attempts are judged"),
        span("span_time", "All attempts of this time are judged", low_ms=0),
        Key("consecutive", Whole(1, 1_000), "So many failures in a row trip as well"),
        span("consecutive_time", "when the last success is at least this old", low_ms=0),
        span("window", "Older attempts are forgotten"),
        span("initial", "First cooldown"),
        Key("factor", _FACTOR, "Each reopening lasts this many times longer"),
        span("max", "No heuristic cooldown is longer"),
        span("retry_after_cap", "Longest Retry-After that is believed"),
    ),
    ascending=(("initial", "max"), ("span_time", "window")),
)

_HALF_OPEN = Block(
    HalfOpenPolicy,
    (
        span("probe_interval", "At most one probe of a rested target in this time, over all gateways"),
        Key(
            "ramp_from",
            Number(0.0, 1.0, above=True),
            "Share of its traffic that a returned target starts with",
        ),
        span("ramp", "Time until it has its whole share again; 0s = at once", low_ms=0),
    ),
)

_GUARDS = Block(
    Guards,
    (
        Key(
            "max_excluded",
            _RATIO,
            "Largest part of a pool that heuristics may exclude; never the last member",
        ),
        Key(
            "freeze_flips",
            _RATIO,
            "Part of all targets that may be newly excluded in 30s before heuristics freeze",
        ),
        Key(
            "quorum",
            Or("auto", 0, Whole(1, 1_000)),
            "How many gateways must see a failure before all act on it",
        ),
    ),
)

_BUDGETS = Block(
    Budgets,
    (
        Key("retry_ratio", Number(0.0, 10.0), "Retries earned per request"),
        Key("retry_floor_per_s", Number(0.0, 10_000.0), "Retries earned per second"),
        Key("hedge_ratio", _RATIO, "Part of the requests that may be hedged"),
    ),
)

_HEDGE = Block(
    Hedge,
    (
        Key("enabled", Flag(), "Race a second target for the first token"),
        Key(
            "after",
            Or("p95", None, Duration()),
            "Delay before the second target starts; `p95`: of the first one's own times, as each worker "
            "measured them",
            into="after_ms",
        ),
    ),
)

_AFFINITY = Block(
    Affinity,
    (
        Key("enabled", Flag(), "Keep a session with the target that answered it"),
        Key(
            "header",
            Text(pattern=r"[A-Za-z0-9_-]+", what="the name of a header"),
            "Header that names a session",
        ),
        span("ttl", "A session is forgotten after this time without a request"),
        Key("table", Whole(1, 10_000_000), "Sessions remembered, at most"),
        Key("load_factor", Number(1.0, 100.0), "How far above its share a target may be loaded by sessions"),
        Key(
            "fail_back", Choice(("now", "session_end", "never")), "When a session returns to its first target"
        ),
    ),
)

_QUEUE = Block(
    Queue,
    (
        Key("size", Whole(0, later="a queue"), "Requests that may wait for a target to return"),
        span("wait", "Longest wait in the queue", low_ms=0),
    ),
)

POLICY: Final = Block(
    PolicyBlock,
    (
        Key("attempts", _ATTEMPTS, "How hard one request tries"),
        Key(
            "retry_on",
            optional(ListOf(Whole(100, 599), what="status")),
            "Statuses that may be retried at all; narrows the built-in table, never widens it",
        ),
        Key("timeouts", _TIMEOUTS, "Limits of one attempt, by phase"),
        Key("streams", _STREAMS, "Deferred commit, heartbeats and broken streams"),
        Key("cooldown", _COOLDOWN, "When a failing target must rest, and how long"),
        Key("half_open", _HALF_OPEN, "How a rested target comes back"),
        Key("guards", _GUARDS, "Limits on what heuristics may exclude"),
        Key("budgets", _BUDGETS, "Limits on extra requests"),
        Key("hedge", _HEDGE, "Racing for the first token"),
        Key("affinity", _AFFINITY, "Sessions stay with their target"),
        Key("queue", _QUEUE, "Waiting when every target rests"),
        Key("failover_on_content_policy", Flag(), "Try another target when one refuses the content"),
    ),
)


class _Scope(Enum):
    """Who a key may be set for, beside all."""

    POOL = "pool"
    TARGET = "target"


_TARGET_SIDE: Final = ("cooldown", "half_open", "guards.quorum")
_ALL_ONLY: Final = ("guards.freeze_flips",)


def _narrowed(block: Block[Any], scope: _Scope, prefix: str = "") -> Block[Any]:
    """The block with only the keys of a scope; the others say where they belong."""
    kept: list[Key] = []
    elsewhere: dict[str, str] = {}
    for key in block.keys:
        path = prefix + key.name
        if key.name == "guards":
            inner = _narrowed(_GUARDS, scope, "guards.")
            kept.append(Key(key.name, inner, key.doc))
        elif path in _ALL_ONLY:
            elsewhere[key.name] = f"Move it to `policy.{path}`: it holds for all."
        elif (path in _TARGET_SIDE) == (scope is _Scope.TARGET):
            kept.append(key)
        else:
            other = "targets.<provider/model>" if path in _TARGET_SIDE else "pools.<name>"
            elsewhere[key.name] = f"Move it to `policy.{path}` or `{other}.policy.{path}`."
    return Block(block.struct, tuple(kept), elsewhere, block.ascending)


POOL_SIDE: Final = _narrowed(POLICY, _Scope.POOL)
TARGET_SIDE: Final = _narrowed(POLICY, _Scope.TARGET)


def overrides(side: Block[PolicyBlock], own: PolicyBlock, base: PolicyBlock) -> dict[str, object]:
    """What a pool or a target says differently from the policy for all, as the file would say it."""
    return _differing(side.write(own), side.write(base))


def _differing(own: dict[str, object], base: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in own.items():
        other = base[key]
        if value != other:
            blocks = isinstance(value, dict) and isinstance(other, dict)
            found[key] = _differing(value, other) if blocks else value  # type: ignore[arg-type]
    return found
