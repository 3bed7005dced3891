"""Failures in the fold: lists, trips, quorum, stated times, and the rows of D1 end to end."""

import pytest

from interlock_domain.catalog.policy import TargetPolicy
from interlock_domain.projection.state import strikes_of
from interlock_domain.words import EffectKind, FailureClass, Phase, Provenance
from tests.libs.interlock_domain.projection.story import (
    OTHER,
    T0,
    TARGET,
    Story,
    cooled,
    half_open,
    kinds,
    quick,
    ramping,
)

OPENED = EffectKind.COOLDOWN_OPENED


@pytest.fixture
def story() -> Story:
    return Story("g1").declares(TARGET, OTHER)


def within_jitter(until: int, now: int, length: int) -> bool:
    return abs(until - now - length) <= length // 10


def test_two_failures_of_a_shape_cool_that_shape_for_fifteen_seconds(story: Story) -> None:
    assert story.fails() == []
    (opened,) = story.fails()
    row = story.learned()
    assert row is not None
    assert (opened.kind, opened.subject, opened.shape, opened.level) == (
        OPENED,
        f"target/{TARGET}",
        "text",
        0,
    )
    assert (row.provenance, row.failure, row.level) == (Provenance.HEURISTIC, FailureClass.SERVER_ERROR, 0)
    assert within_jitter(story.until(), story.now, 15_000)
    assert story.learned("tools") is None
    assert story.learned("*") is None


def test_a_cooldown_names_the_positions_of_the_failures_behind_it(story: Story) -> None:
    story.fails(times=2)
    row = story.learned()
    assert row is not None
    assert row.evidence == tuple(r.position for r in story.log[-2:])
    assert story.effects[-1].evidence == row.evidence


def test_the_same_log_gives_the_same_deadline_and_another_target_another(story: Story) -> None:
    story.fails(times=2)
    story.fails(times=2, target=OTHER)
    again = Story("g1").declares(TARGET, OTHER)
    again.fails(times=2)
    assert again.until() == story.until()
    assert story.until() != story.until(target=OTHER)


def test_failures_among_many_successes_cool_nothing(story: Story) -> None:
    story.counted(50)
    assert story.fails(times=4) == []


@pytest.mark.parametrize(
    "failure",
    [FailureClass.SERVER_ERROR, FailureClass.TRUNCATED, FailureClass.MALFORMED, FailureClass.TIMEOUT],
)
def test_strikes_after_headers_cool_their_own_shape(story: Story, failure: FailureClass) -> None:
    story.fails(times=2, shape="tools", failure=failure, phase=Phase.CONTENT)
    assert list(story.known().learned) == ["tools"]


def test_a_broken_stream_cools_its_shape_and_not_all(story: Story) -> None:
    story.fails(times=2, failure=FailureClass.DISCONNECT, phase=Phase.CONTENT)
    assert list(story.known().learned) == ["text"]


@pytest.mark.parametrize("failure", [FailureClass.DISCONNECT, FailureClass.TIMEOUT])
def test_failures_to_connect_cool_all_shapes(story: Story, failure: FailureClass) -> None:
    story.fails(shape="text", failure=failure, phase=Phase.CONNECT)
    story.fails(shape="tools", failure=failure, phase=Phase.CONNECT)
    assert list(story.known().learned) == ["*"]


def test_answers_of_any_shape_speak_against_refused_connections(story: Story) -> None:
    story.counted(5, shape="tools")
    assert story.refused(times=2) == []


def test_an_error_answer_speaks_for_the_connection(story: Story) -> None:
    story.counted(3, shape="vision")
    story.fails(times=1, shape="tools", phase=Phase.HEADERS, status=500)
    story.fails(times=1, phase=Phase.HEADERS, failure=FailureClass.AUTH, status=401)
    assert story.refused(times=2) == []


def test_a_timeout_before_headers_says_nothing_about_the_connection(story: Story) -> None:
    story.fails(shape="tools", failure=FailureClass.TIMEOUT, phase=Phase.HEADERS)
    story.refused(times=2)
    assert "*" in story.known().learned


def test_successes_of_another_shape_do_not_mask_a_failing_one(story: Story) -> None:
    story.counted(1_000, shape="text")
    story.fails(times=2, shape="tools")
    assert list(story.known().learned) == ["tools"]


def test_opening_empties_the_lists_of_that_shape_for_every_gateway(story: Story) -> None:
    story.reports("g2")
    story.fails("g2")
    story.fails("g1", times=2)
    assert strikes_of(story.state, TARGET, "text") == 0
    assert strikes_of(story.state, "acme/none", "text") == 0


def test_opening_for_all_shapes_empties_the_lists_of_each(story: Story) -> None:
    story.fails(shape="tools")
    story.refused()
    assert strikes_of(story.state, TARGET, "tools") == 1
    assert kinds(story.refused()) == [OPENED]
    assert strikes_of(story.state, TARGET, "tools") == 0


def test_a_same_target_retry_is_counted_but_neither_attempt_nor_strike(story: Story) -> None:
    story.fails()
    assert story.fails(times=5, try_=2) == []
    assert strikes_of(story.state, TARGET, "text") == 1
    assert story.known().failed == 6


def test_a_same_target_retry_is_not_judged_either(story: Story) -> None:
    story.reports("g2")
    story.at(6_000).fails(times=4, age=5_001)
    assert story.fails(try_=2) == []
    assert story.fails("g2", try_=2) == []
    assert story.is_healthy()


def test_successes_before_a_failure_join_before_it(story: Story) -> None:
    story.fails()
    assert story.fails(ok_before=9) == []
    assert story.known().ok == 9


def test_successes_before_a_failure_to_connect_are_of_all_shapes(story: Story) -> None:
    assert story.refused(times=2, ok_before=10) == []
    assert "text" not in story.known().evidence["g1"]


def test_conflicts_and_faults_of_callers_are_no_strikes(story: Story) -> None:
    for failure in (FailureClass.CONFLICT, FailureClass.CALLER_FAULT, FailureClass.CLIENT_ABORT):
        assert story.fails(times=6, failure=failure, phase=Phase.HEADERS) == []


def test_failures_of_a_target_nobody_declared_are_ignored(story: Story) -> None:
    assert story.fails(times=5, target="acme/undeclared") == []
    assert "acme/undeclared" not in story.state.targets


def test_late_failures_join_the_lists_but_open_nothing(story: Story) -> None:
    assert story.at(10_000).fails(times=4, age=5_001) == []
    assert strikes_of(story.state, TARGET, "text") == 4
    assert kinds(story.fails(age=5_000)) == [OPENED]


def test_while_a_shape_cools_further_failures_change_nothing(story: Story) -> None:
    cooled(story)
    until = story.until()
    assert story.fails(times=5) == []
    assert story.until() == until


def test_while_all_shapes_cool_no_single_shape_opens(story: Story) -> None:
    story.refused(times=2)
    assert story.fails(times=5, shape="tools") == []
    assert list(story.known().learned) == ["*"]


def test_a_long_list_is_cut(story: Story) -> None:
    story.counted(5_000)
    for n in range(200):
        story.at(n * 100).fails(ok_before=20)
    assert len(story.known().evidence["g1"]["text"].runs) <= 65
    assert story.is_healthy()


def test_failures_alone_keep_the_list_short_while_cooling(story: Story) -> None:
    for n in range(200):
        story.at(n * 20).fails()
    cool = story.known().evidence["g1"]["text"].runs
    assert len(cool) <= 65


def test_even_a_list_of_scattered_failures_is_cut() -> None:
    story = Story("g1").declares(TARGET, policy=quick(strikes=10_000, consecutive=10_000))
    for n in range(100):
        story.at(n * 100).fails()
    assert len(story.known().evidence["g1"]["text"].runs) <= 65


# quorum


def test_another_live_gateway_that_succeeds_makes_a_second_trip_necessary(story: Story) -> None:
    story.reports("g2")
    story.counted(5, "g2")
    assert kinds(story.fails("g1", times=2)) == [EffectKind.QUORUM_MISSING]
    assert story.fails("g1") == []
    assert kinds(story.fails("g2", times=8)) == [OPENED]
    row = story.learned()
    assert row is not None
    assert row.failure is FailureClass.SERVER_ERROR
    assert len(row.evidence) > 3


def test_a_gateway_whose_last_attempt_failed_contradicts_nobody(story: Story) -> None:
    story.reports("g2")
    story.counted(50, "g2")
    story.fails("g2")
    assert kinds(story.fails("g1", times=2)) == [OPENED]


def test_a_success_older_than_the_window_contradicts_nobody(story: Story) -> None:
    story.reports("g2")
    story.counted(5, "g2")
    story.at(60_001).reports("g2")
    story.reports("g1")
    assert kinds(story.fails("g1", times=2)) == [OPENED]


def test_a_lost_gateway_contradicts_nobody(story: Story) -> None:
    story.reports("g2")
    story.counted(5, "g2")
    story.at(10_000).reports("g1")
    assert kinds(story.fails("g1", times=2)) == [OPENED]


def test_a_gateway_that_is_forgotten_contradicts_nobody(story: Story) -> None:
    story.reports("g2")
    story.counted(5, "g2")
    del story.state.gateways["g2"]
    assert kinds(story.fails("g1", times=2)) == [OPENED]


def test_a_success_takes_a_gateway_s_trip_back(story: Story) -> None:
    story.reports("g2")
    story.counted(1, "g2")
    story.fails("g1", times=2)
    story.counted(1, "g1")
    assert kinds(story.fails("g2", times=2)) == [EffectKind.QUORUM_MISSING]


def test_a_trip_older_than_the_window_does_not_count(story: Story) -> None:
    story.reports("g2")
    story.counted(1, "g2")
    story.fails("g1", times=2)
    for now in (30_000, 60_001):
        story.at(now).reports("g1")
        story.reports("g2")
    story.counted(1, "g1", shape="text")
    assert kinds(story.fails("g2", times=2)) == [EffectKind.QUORUM_MISSING]


def test_a_fixed_quorum_wants_as_many_gateways() -> None:
    story = Story("g1", "g2").declares(TARGET, policy=TargetPolicy(quorum=2))
    assert kinds(story.fails("g1", times=2)) == [EffectKind.QUORUM_MISSING]
    assert kinds(story.fails("g2", times=2)) == [OPENED]


def test_a_gateway_that_saw_only_another_shape_is_no_witness(story: Story) -> None:
    story.reports("g2")
    story.counted(5, "g2", shape="tools")
    assert kinds(story.fails("g1", times=2)) == [OPENED]


# limits: rate_limit, overload, ramp


@pytest.mark.parametrize("failure", [FailureClass.RATE_LIMIT, FailureClass.OVERLOAD, FailureClass.RAMP])
def test_a_stated_time_cools_all_shapes_at_once(story: Story, failure: FailureClass) -> None:
    assert kinds(story.fails(failure=failure, retry_after_ms=20_000)) == [OPENED]
    row = story.learned("*")
    assert row is not None
    assert (row.provenance, row.until_ms) == (Provenance.STATED, T0 + 20_000)


def test_only_what_is_left_of_a_stated_time_applies(story: Story) -> None:
    story.at(1_000).fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=20_000, age=800)
    assert story.until("*") == 20_200


def test_a_stated_time_that_is_over_already_cools_nothing(story: Story) -> None:
    assert (
        story.at(9_000).fails(times=3, failure=FailureClass.RATE_LIMIT, retry_after_ms=1_000, age=1_500) == []
    )


def test_a_stated_time_is_capped(story: Story) -> None:
    story.fails(failure=FailureClass.OVERLOAD, retry_after_ms=3_600_000)
    assert story.until("*") == 300_000


def test_a_stated_time_needs_no_first_try_and_no_second_gateway(story: Story) -> None:
    story.reports("g2")
    story.counted(50, "g2")
    assert kinds(story.fails(try_=2, failure=FailureClass.RATE_LIMIT, retry_after_ms=2_000)) == [OPENED]


def test_a_longer_stated_time_extends_what_cools_and_makes_it_stated(story: Story) -> None:
    story.refused(times=2)
    opened = story.learned("*")
    assert kinds(story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=100_000)) == [
        EffectKind.COOLDOWN_EXTENDED
    ]
    row = story.learned("*")
    assert row is not None
    assert opened is not None
    assert (row.provenance, row.until_ms, row.opened_ms) == (
        Provenance.STATED,
        T0 + 100_000,
        opened.opened_ms,
    )
    assert row.evidence == (*opened.evidence, story.log[-1].position)


def test_a_shorter_stated_time_changes_nothing(story: Story) -> None:
    story.refused(times=2)
    before = story.learned("*")
    assert story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=1_000) == []
    assert story.learned("*") == before


@pytest.mark.parametrize("failure", [FailureClass.RATE_LIMIT, FailureClass.OVERLOAD])
def test_limits_without_a_time_are_strikes_and_cool_all_shapes_five_seconds(
    story: Story, failure: FailureClass
) -> None:
    assert story.fails(failure=failure, phase=Phase.HEADERS, status=429) == []
    assert kinds(story.fails(failure=failure, phase=Phase.HEADERS, status=429)) == [OPENED]
    assert within_jitter(story.until("*"), story.now, 5_000)
    row = story.learned("*")
    assert row is not None
    assert row.provenance is Provenance.HEURISTIC


def test_a_limit_of_one_shape_is_judged_on_that_shape(story: Story) -> None:
    story.counted(100, shape="text")
    story.fails(times=2, shape="embeddings", failure=FailureClass.RATE_LIMIT)
    assert list(story.known().learned) == ["*"]


def test_slow_down_without_a_time_rests_two_seconds_at_once(story: Story) -> None:
    assert kinds(story.fails(failure=FailureClass.RAMP)) == [OPENED]
    assert within_jitter(story.until("*"), story.now, 2_000)
    assert story.fails(failure=FailureClass.RAMP) == []


# verdicts


def test_a_failed_probe_reopens_and_doubles() -> None:
    story = half_open()
    assert kinds(story.fails(probe=True, elapsed_ms=60_000)) == [OPENED]
    row = story.learned()
    assert row is not None
    assert row.level == 1
    assert within_jitter(story.until(), story.now, 30_000)


def test_doubling_ends_at_five_minutes() -> None:
    story = half_open()
    for _ in range(8):
        story.fails(probe=True)
        story.at(story.until()).ticks()
    story.fails(probe=True)
    assert within_jitter(story.until(), story.now, 300_000)


def test_any_request_that_began_after_the_time_gives_the_verdict() -> None:
    story = half_open()
    story.at(story.now + 500)
    assert kinds(story.fails(elapsed_ms=500)) == [OPENED]


def test_a_request_that_began_before_gives_none() -> None:
    story = half_open()
    story.at(story.now + 500)
    assert story.fails(times=3, elapsed_ms=501) == []


def test_a_limit_fails_a_probe_too() -> None:
    story = half_open()
    found = story.fails(probe=True, failure=FailureClass.RATE_LIMIT)
    assert [(e.kind, e.shape, e.level) for e in found] == [(OPENED, "text", 1)]


def test_a_stated_limit_on_a_probe_cools_all_shapes_and_reopens_the_probed_one() -> None:
    story = half_open()
    found = story.fails(probe=True, failure=FailureClass.RATE_LIMIT, retry_after_ms=9_000)
    assert [(e.shape, e.provenance) for e in found] == [
        ("*", Provenance.STATED),
        ("text", Provenance.HEURISTIC),
    ]


def test_a_stated_time_reopens_what_it_had_opened_one_level_up(story: Story) -> None:
    story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=2_000)
    story.at(2_000).ticks()
    found = story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=2_000, probe=True)
    assert [(e.kind, e.shape, e.level) for e in found] == [(OPENED, "*", 1)]


def test_a_probe_of_a_shape_is_the_verdict_for_all_shapes_as_well(story: Story) -> None:
    story.refused(times=2)
    story.at(story.until("*")).ticks()
    found = story.fails(probe=True, shape="tools")
    assert [(e.kind, e.shape, e.level) for e in found] == [(OPENED, "*", 1)]


def test_a_late_verdict_is_none() -> None:
    story = half_open()
    story.at(story.now + 10_000)
    assert story.fails(probe=True, age=5_001) == []


def test_a_refusal_is_no_verdict_on_a_cooldown() -> None:
    story = half_open()
    assert story.fails(probe=True, failure=FailureClass.CONFLICT) == []


def test_a_trip_during_the_ramp_doubles() -> None:
    story = ramping()
    assert kinds(story.fails(times=2)) == [OPENED]
    row = story.learned()
    assert row is not None
    assert (row.level, row.returned_ms) == (1, None)


def test_a_trip_within_five_minutes_of_the_return_doubles() -> None:
    story = ramping()
    returned = story.now
    story.at(returned + 299_999).reports("g1")
    assert story.is_healthy()
    story.fails(times=2)
    row = story.learned()
    assert row is not None
    assert row.level == 1


def test_five_minutes_of_calm_forget_the_level() -> None:
    story = ramping()
    story.at(story.now + 300_000).reports("g1")
    story.fails(times=2)
    row = story.learned()
    assert row is not None
    assert row.level == 0
