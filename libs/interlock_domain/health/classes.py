"""What each failure class means for memory and for the request: table D1 of the requirements, as data.

Rule: one table, one module; `retry_on` of a policy may only narrow it. How an upstream's answer becomes
a class is the protocols' business. Dropped: a set of retriable status codes per caller, because the fold,
the local breaker and the request path drifted apart as soon as each had its own.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from msgspec import Struct

from interlock_domain.words import ALL_SHAPES, FailureClass, Phase

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND


class Judged(StrEnum):
    """How a failure enters the memory."""

    STRIKE = "strike"
    """By the trip rule."""
    STATED = "stated"
    """Cools for the time that upstream states; without one as `unstated` says."""
    RUN = "run"
    """By a run of distinct requests without a success between them."""
    NONE = "none"


class Scope(StrEnum):
    """What a failure says something about."""

    SHAPE = "shape"
    ALL_SHAPES = "all_shapes"
    TARGET = "target"
    CREDENTIAL = "credential"
    NOTHING = "nothing"


class SameTarget(StrEnum):
    """May the same request call the same target once more?"""

    NEVER = "never"
    ONCE = "once"
    WHEN_STATED_FITS = "when_stated_fits"


class Elsewhere(StrEnum):
    """May the same request go on to another target?"""

    YES = "yes"
    NO = "no"
    OPT_IN = "opt_in"
    """Only where the pool asked for it, or to a declared larger window."""


class Ladder(Struct, frozen=True):
    """Lengths of cooldowns: initial x factor^level up to max."""

    initial_ms: int
    factor: float
    max_ms: int


LIMITED: Final = Ladder(5 * SECOND, 2.0, 30 * SECOND)
"""A limit without a stated time: quotas refill within the minute, and 15 s first would waste most of one."""
RAMPED: Final = Ladder(2 * SECOND, 2.0, 30 * SECOND)
"""`slow_down` asks for a moment, not for a rest."""


class ClassRule(Struct, frozen=True, kw_only=True):
    """One row of the table. `early`: phases in which it holds for all shapes, whatever `scope` says."""

    judged: Judged
    scope: Scope
    same_target: SameTarget = SameTarget.NEVER
    elsewhere: Elsewhere = Elsewhere.YES
    early: frozenset[Phase] = frozenset()
    ladder: Ladder | None = None
    """None: the ladder of the policy."""
    at_once: bool = False
    """An unstated one cools at once instead of being a strike."""
    recheck_ms: int = 0


_BEFORE_HEADERS: Final = frozenset((Phase.CONNECT, Phase.HEADERS))

RULES: Final[dict[FailureClass, ClassRule]] = {
    FailureClass.RATE_LIMIT: ClassRule(
        judged=Judged.STATED, scope=Scope.ALL_SHAPES, same_target=SameTarget.WHEN_STATED_FITS, ladder=LIMITED
    ),
    FailureClass.RAMP: ClassRule(judged=Judged.STATED, scope=Scope.ALL_SHAPES, ladder=RAMPED, at_once=True),
    FailureClass.OVERLOAD: ClassRule(judged=Judged.STATED, scope=Scope.ALL_SHAPES, ladder=LIMITED),
    FailureClass.SERVER_ERROR: ClassRule(
        judged=Judged.STRIKE, scope=Scope.SHAPE, same_target=SameTarget.ONCE
    ),
    FailureClass.DISCONNECT: ClassRule(
        judged=Judged.STRIKE, scope=Scope.SHAPE, same_target=SameTarget.ONCE, early=_BEFORE_HEADERS
    ),
    FailureClass.TIMEOUT: ClassRule(
        judged=Judged.STRIKE, scope=Scope.SHAPE, early=frozenset((Phase.CONNECT,))
    ),
    FailureClass.TRUNCATED: ClassRule(judged=Judged.STRIKE, scope=Scope.SHAPE),
    FailureClass.MALFORMED: ClassRule(judged=Judged.STRIKE, scope=Scope.SHAPE),
    FailureClass.NOT_FOUND: ClassRule(judged=Judged.RUN, scope=Scope.TARGET, recheck_ms=5 * MINUTE),
    FailureClass.PERMISSION: ClassRule(judged=Judged.RUN, scope=Scope.TARGET, recheck_ms=5 * MINUTE),
    FailureClass.AUTH: ClassRule(judged=Judged.RUN, scope=Scope.CREDENTIAL, recheck_ms=5 * MINUTE),
    FailureClass.BILLING: ClassRule(judged=Judged.RUN, scope=Scope.CREDENTIAL, recheck_ms=15 * MINUTE),
    FailureClass.CONFLICT: ClassRule(judged=Judged.NONE, scope=Scope.NOTHING, same_target=SameTarget.ONCE),
    FailureClass.CALLER_FAULT: ClassRule(judged=Judged.NONE, scope=Scope.NOTHING, elsewhere=Elsewhere.OPT_IN),
    FailureClass.CLIENT_ABORT: ClassRule(judged=Judged.NONE, scope=Scope.NOTHING, elsewhere=Elsewhere.NO),
}


def rule_of(failure: FailureClass) -> ClassRule:
    """The row of a class."""
    return RULES[failure]


def judged_on(failure: FailureClass, phase: Phase, shape: str) -> str:
    """The list that holds the attempt as failed: its shape's, or that of all shapes."""
    return ALL_SHAPES if phase in RULES[failure].early else shape


def opens_on(failure: FailureClass, phase: Phase, shape: str) -> str:
    """What a cooldown of this failure covers: its shape, or all shapes."""
    if RULES[failure].scope is Scope.ALL_SHAPES:
        return ALL_SHAPES
    return judged_on(failure, phase, shape)


def answered(failure: FailureClass, phase: Phase, status: int | None = None) -> bool:
    """Did headers arrive? Such an attempt speaks for the connection, whatever it says of the shape."""
    if status is not None or phase not in _BEFORE_HEADERS:
        return True
    return failure not in {FailureClass.DISCONNECT, FailureClass.TIMEOUT}


def may_retry_same(
    failure: FailureClass,
    *,
    status: int | None,
    retry_on: Collection[int] | None,
    stated_ms: int | None,
    wait_ms: int,
) -> bool:
    """May the request call the same target once more? `wait_ms`: the longest stated time worth a wait."""
    if not _kept(status, retry_on):
        return False
    same = RULES[failure].same_target
    if same is SameTarget.WHEN_STATED_FITS:
        return stated_ms is not None and stated_ms <= wait_ms
    return same is SameTarget.ONCE


def may_go_elsewhere(
    failure: FailureClass, *, status: int | None, retry_on: Collection[int] | None, committed: bool
) -> bool:
    """May the request go on to another target? Never once content went out: two answers are never spliced."""
    return not committed and RULES[failure].elsewhere is Elsewhere.YES and _kept(status, retry_on)


def _kept(status: int | None, retry_on: Collection[int] | None) -> bool:
    return retry_on is None or status is None or status in retry_on
