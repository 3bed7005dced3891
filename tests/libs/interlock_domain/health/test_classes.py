"""Table D1, row by row: what each class does to memory and to the request."""

import pytest

from interlock_domain.health.classes import (
    LIMITED,
    RULES,
    Elsewhere,
    Judged,
    SameTarget,
    Scope,
    answered,
    judged_on,
    may_go_elsewhere,
    may_retry_same,
    opens_on,
    rule_of,
)
from interlock_domain.words import FailureClass as F
from interlock_domain.words import Phase

MINUTE = 60_000

ROWS = [
    (F.RATE_LIMIT, Judged.STATED, Scope.ALL_SHAPES, SameTarget.WHEN_STATED_FITS, Elsewhere.YES),
    (F.RAMP, Judged.STATED, Scope.ALL_SHAPES, SameTarget.NEVER, Elsewhere.YES),
    (F.OVERLOAD, Judged.STATED, Scope.ALL_SHAPES, SameTarget.NEVER, Elsewhere.YES),
    (F.SERVER_ERROR, Judged.STRIKE, Scope.SHAPE, SameTarget.ONCE, Elsewhere.YES),
    (F.DISCONNECT, Judged.STRIKE, Scope.SHAPE, SameTarget.ONCE, Elsewhere.YES),
    (F.TIMEOUT, Judged.STRIKE, Scope.SHAPE, SameTarget.NEVER, Elsewhere.YES),
    (F.TRUNCATED, Judged.STRIKE, Scope.SHAPE, SameTarget.NEVER, Elsewhere.YES),
    (F.MALFORMED, Judged.STRIKE, Scope.SHAPE, SameTarget.NEVER, Elsewhere.YES),
    (F.NOT_FOUND, Judged.RUN, Scope.TARGET, SameTarget.NEVER, Elsewhere.YES),
    (F.PERMISSION, Judged.RUN, Scope.TARGET, SameTarget.NEVER, Elsewhere.YES),
    (F.AUTH, Judged.RUN, Scope.CREDENTIAL, SameTarget.NEVER, Elsewhere.YES),
    (F.BILLING, Judged.RUN, Scope.CREDENTIAL, SameTarget.NEVER, Elsewhere.YES),
    (F.CONFLICT, Judged.NONE, Scope.NOTHING, SameTarget.ONCE, Elsewhere.YES),
    (F.CALLER_FAULT, Judged.NONE, Scope.NOTHING, SameTarget.NEVER, Elsewhere.OPT_IN),
    (F.CLIENT_ABORT, Judged.NONE, Scope.NOTHING, SameTarget.NEVER, Elsewhere.NO),
]


@pytest.mark.parametrize(("failure", "judged", "scope", "same", "elsewhere"), ROWS)
def test_a_class_stands_in_the_table_as_the_requirements_say(
    failure: F, judged: Judged, scope: Scope, same: SameTarget, elsewhere: Elsewhere
) -> None:
    rule = rule_of(failure)
    assert (rule.judged, rule.scope, rule.same_target, rule.elsewhere) == (judged, scope, same, elsewhere)


def test_every_class_has_a_row() -> None:
    assert set(RULES) == set(F) == {row[0] for row in ROWS}


@pytest.mark.parametrize(
    ("failure", "recheck"),
    [(F.NOT_FOUND, 5 * MINUTE), (F.PERMISSION, 5 * MINUTE), (F.AUTH, 5 * MINUTE), (F.BILLING, 15 * MINUTE)],
)
def test_a_refusal_is_rechecked_after_its_time(failure: F, recheck: int) -> None:
    assert rule_of(failure).recheck_ms == recheck


def test_limits_without_a_stated_time_climb_their_own_ladder() -> None:
    assert rule_of(F.RATE_LIMIT).ladder == rule_of(F.OVERLOAD).ladder == LIMITED
    assert (LIMITED.initial_ms, LIMITED.factor, LIMITED.max_ms) == (5_000, 2.0, 30_000)
    assert rule_of(F.SERVER_ERROR).ladder is None


@pytest.mark.parametrize(
    ("failure", "phase", "judged", "opens"),
    [
        (F.DISCONNECT, Phase.CONNECT, "*", "*"),
        (F.DISCONNECT, Phase.HEADERS, "*", "*"),
        (F.DISCONNECT, Phase.PREAMBLE, "tools", "tools"),
        (F.TIMEOUT, Phase.CONNECT, "*", "*"),
        (F.TIMEOUT, Phase.HEADERS, "tools", "tools"),
        (F.TIMEOUT, Phase.CONTENT, "tools", "tools"),
        (F.SERVER_ERROR, Phase.HEADERS, "tools", "tools"),
        (F.RATE_LIMIT, Phase.HEADERS, "tools", "*"),
        (F.OVERLOAD, Phase.PREAMBLE, "tools", "*"),
        (F.RAMP, Phase.HEADERS, "tools", "*"),
    ],
)
def test_failures_before_headers_and_limits_concern_all_shapes(
    failure: F, phase: Phase, judged: str, opens: str
) -> None:
    assert judged_on(failure, phase, "tools") == judged
    assert opens_on(failure, phase, "tools") == opens


@pytest.mark.parametrize(
    ("failure", "phase", "status", "arrived"),
    [
        (F.DISCONNECT, Phase.HEADERS, None, False),
        (F.DISCONNECT, Phase.HEADERS, 502, True),
        (F.TIMEOUT, Phase.HEADERS, None, False),
        (F.TIMEOUT, Phase.CONTENT, None, True),
        (F.SERVER_ERROR, Phase.HEADERS, None, True),
    ],
)
def test_an_attempt_was_answered_when_headers_arrived(
    failure: F, phase: Phase, status: int | None, arrived: bool
) -> None:
    assert answered(failure, phase, status) is arrived


@pytest.mark.parametrize(
    ("failure", "status", "retry_on", "stated", "may"),
    [
        (F.SERVER_ERROR, 500, None, None, True),
        (F.SERVER_ERROR, 500, (503,), None, False),
        (F.SERVER_ERROR, 500, (500,), None, True),
        (F.DISCONNECT, None, (503,), None, True),
        (F.TIMEOUT, None, None, None, False),
        (F.RATE_LIMIT, 429, None, None, False),
        (F.RATE_LIMIT, 429, None, 1_000, True),
        (F.RATE_LIMIT, 429, None, 1_001, False),
        (F.CALLER_FAULT, 400, (400,), None, False),
    ],
)
def test_the_same_target_is_called_again_only_where_its_class_allows(
    failure: F, status: int | None, retry_on: tuple[int, ...] | None, stated: int | None, may: bool
) -> None:
    assert may_retry_same(failure, status=status, retry_on=retry_on, stated_ms=stated, wait_ms=1_000) is may


@pytest.mark.parametrize(
    ("failure", "status", "retry_on", "committed", "may"),
    [
        (F.SERVER_ERROR, 500, None, False, True),
        (F.SERVER_ERROR, 500, None, True, False),
        (F.TRUNCATED, 200, None, False, True),
        (F.AUTH, 401, (500,), False, False),
        (F.CALLER_FAULT, 400, (400,), False, False),
        (F.CLIENT_ABORT, None, None, False, False),
    ],
)
def test_retry_on_narrows_and_never_widens_going_elsewhere(
    failure: F, status: int | None, retry_on: tuple[int, ...] | None, committed: bool, may: bool
) -> None:
    assert may_go_elsewhere(failure, status=status, retry_on=retry_on, committed=committed) is may
