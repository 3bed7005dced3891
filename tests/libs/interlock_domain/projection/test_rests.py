"""Cooldowns on their way: half-open, return, ramp, operators' rests, lifting and clearing."""

from interlock_domain.catalog.policy import HalfOpenPolicy, Policy, TargetPolicy
from interlock_domain.events import CooldownLifted, CooldownSet, PolicySet
from interlock_domain.projection.state import strikes_of
from interlock_domain.rows import CooldownPhase, cooldown_phase
from interlock_domain.words import EffectKind, EndedWhy, FailureClass, Phase, Provenance
from tests.libs.interlock_domain.projection.story import (
    T0,
    TARGET,
    Story,
    cooled,
    half_open,
    kinds,
    no_ramp,
    ramping,
)

E = EffectKind


def test_a_window_opens_with_the_first_record_after_the_time() -> None:
    story = cooled()
    assert story.at(story.until() - 1).ticks() == []
    (window,) = story.at(story.until()).ticks()
    assert (window.kind, window.shape, window.at_ms) == (E.PROBE_WINDOW_OPENED, "text", T0 + story.until())
    assert story.at(story.until() + 5_000).ticks() == []


def test_a_successful_probe_starts_the_ramp() -> None:
    story = half_open()
    ended, started = story.succeeds(probe=True)
    assert (ended.kind, ended.why) == (E.COOLDOWN_ENDED, EndedWhy.SUCCESS)
    assert (started.kind, started.until_ms) == (E.RAMP_STARTED, T0 + story.now + 30_000)
    row = story.learned()
    assert row is not None
    assert cooldown_phase(row, HalfOpenPolicy(), T0 + story.now) is CooldownPhase.RAMPING


def test_counted_successes_after_the_time_are_a_verdict_too() -> None:
    assert kinds(half_open().counted(3)) == [E.COOLDOWN_ENDED, E.RAMP_STARTED]


def test_a_success_that_ended_before_the_time_is_none_unless_it_was_the_probe() -> None:
    story = half_open()
    story.at(story.now + 100)
    assert story.succeeds(age=101) == []
    assert kinds(story.succeeds(age=101, probe=True)) == [E.COOLDOWN_ENDED, E.RAMP_STARTED]


def test_a_late_success_ends_nothing() -> None:
    story = half_open()
    story.at(story.now + 60_000)
    assert story.succeeds(probe=True, age=5_001) == []


def test_a_success_while_cooling_ends_nothing() -> None:
    story = cooled()
    assert story.succeeds(probe=True) == []
    assert story.learned() is not None


def test_a_success_counts_for_its_own_shape_only() -> None:
    assert half_open().succeeds(shape="tools", probe=True) == []


def test_a_success_of_any_shape_ends_the_cooldown_of_all() -> None:
    story = Story("g1").declares(TARGET)
    story.refused(times=2)
    story.at(story.until("*")).ticks()
    assert kinds(story.succeeds(shape="vision")) == [E.COOLDOWN_ENDED, E.RAMP_STARTED]


def test_successes_before_a_failure_to_connect_are_a_verdict_for_all_shapes() -> None:
    story = Story("g1").declares(TARGET)
    story.refused(times=2)
    story.at(story.until("*")).ticks()
    assert kinds(story.refused(ok_before=20)) == [E.COOLDOWN_ENDED, E.RAMP_STARTED]


def test_returning_empties_the_lists() -> None:
    story = cooled()
    story.fails(times=3)
    story.at(story.until()).ticks()
    story.succeeds(probe=True)
    assert strikes_of(story.state, TARGET, "text") == 0


def test_the_row_disappears_after_the_ramp() -> None:
    story = ramping()
    assert story.at(story.now + 29_999).ticks() == []
    assert kinds(story.at(story.now + 1).ticks()) == [E.RAMP_ENDED]
    assert story.is_healthy()


def test_without_a_ramp_the_row_disappears_at_once() -> None:
    story = half_open(Story("g1").declares(TARGET, policy=no_ramp()))
    assert kinds(story.succeeds(probe=True)) == [E.COOLDOWN_ENDED]
    assert story.is_healthy()
    story.fails(times=2)
    row = story.learned()
    assert row is not None
    assert row.level == 1


def test_a_shorter_ramp_in_a_new_policy_ends_running_ones() -> None:
    story = ramping()
    policy = Policy(target=TargetPolicy(half_open=HalfOpenPolicy(ramp_ms=1_000)))
    story.decide("policy", PolicySet(policy=policy))
    assert kinds(story.at(story.now + 1_000).ticks()) == [E.RAMP_ENDED]


def test_without_traffic_a_target_stays_half_open() -> None:
    story = half_open()
    assert story.at(story.now + 3_000_000).ticks() == []
    assert not story.is_healthy()
    assert kinds(story.succeeds()) == [E.COOLDOWN_ENDED, E.RAMP_STARTED]


# operators


def rest(story: Story, duration: int, shape: str = "*") -> list[E]:
    event = CooldownSet(target=TARGET, shape=shape, duration_ms=duration)
    return kinds(story.decide(f"target/{TARGET}", event, actor="alice", reason="maintenance"))


def lift(story: Story, shape: str = "*") -> list[tuple[E, EndedWhy | None]]:
    found = story.decide(f"target/{TARGET}", CooldownLifted(target=TARGET, shape=shape))
    return [(effect.kind, effect.why) for effect in found]


def test_an_operator_s_rest_carries_his_name_and_reason() -> None:
    story = Story("g1").declares(TARGET)
    assert rest(story, 60_000) == [E.COOLDOWN_OPENED]
    row = story.known().operator["*"]
    assert (row.actor, row.reason, row.until_ms) == ("alice", "maintenance", T0 + 60_000)
    assert row.evidence == (story.log[-1].position,)


def test_the_newest_word_of_an_operator_wins() -> None:
    story = Story("g1").declares(TARGET)
    rest(story, 60_000)
    assert rest(story, 10_000) == [E.COOLDOWN_EXTENDED]
    assert story.known().operator["*"].until_ms == T0 + 10_000


def test_an_operator_s_short_rest_does_not_shorten_a_stated_one() -> None:
    story = Story("g1").declares(TARGET)
    story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=100_000)
    rest(story, 1_000)
    assert story.until("*") == 100_000


def test_a_rest_of_no_time_opens_the_window_at_once() -> None:
    story = Story("g1").declares(TARGET)
    assert rest(story, 0) == [E.COOLDOWN_OPENED, E.PROBE_WINDOW_OPENED]
    assert rest(story, -5) == [E.COOLDOWN_OPENED, E.PROBE_WINDOW_OPENED]


def test_an_operator_s_rest_ends_by_a_success_like_any_other() -> None:
    story = Story("g1").declares(TARGET)
    rest(story, 1_000)
    assert kinds(story.at(1_000).ticks()) == [E.PROBE_WINDOW_OPENED]
    assert kinds(story.succeeds()) == [E.COOLDOWN_ENDED, E.RAMP_STARTED]
    assert kinds(story.at(31_000).ticks()) == [E.RAMP_ENDED]
    assert story.is_healthy()


def test_a_failed_return_from_an_operator_s_rest_is_our_own_judgement() -> None:
    story = Story("g1").declares(TARGET)
    rest(story, 1_000)
    story.at(1_000).ticks()
    found = story.fails(probe=True)
    assert [(e.kind, e.why, e.provenance) for e in found] == [
        (E.COOLDOWN_ENDED, EndedWhy.EXPIRED, Provenance.OPERATOR),
        (E.COOLDOWN_OPENED, None, Provenance.HEURISTIC),
    ]


def test_a_trip_during_the_ramp_after_an_operator_s_rest_replaces_the_ramp() -> None:
    story = Story("g1").declares(TARGET)
    rest(story, 1_000, "text")
    story.at(1_000).succeeds()
    assert kinds(story.fails(times=2)) == [E.RAMP_ENDED, E.COOLDOWN_OPENED]
    assert story.known().operator == {}


def test_a_failed_return_never_shortens_a_longer_rest_beside_it() -> None:
    story = Story("g1").declares(TARGET)
    story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=100_000)
    rest(story, 1_000)
    story.at(1_000).ticks()
    assert story.fails(probe=True) == []
    assert story.until("*") == 100_000


def test_a_stated_time_beside_an_operator_s_rest_is_kept_for_itself() -> None:
    story = Story("g1").declares(TARGET)
    rest(story, 100_000)
    story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=200_000)
    assert story.until("*") == 200_000
    assert story.known().operator["*"].until_ms == T0 + 100_000


def test_heuristics_open_nothing_while_an_operator_rests_the_target() -> None:
    story = Story("g1").declares(TARGET)
    rest(story, 60_000)
    assert story.fails(times=5) == []
    assert story.refused(times=5) == []


def test_lifting_all_ends_every_rest_and_forgets_what_led_to_it() -> None:
    story = cooled()
    rest(story, 60_000, "tools")
    story.fails(times=3, shape="vision", failure=FailureClass.TRUNCATED, ok_before=100)
    assert lift(story) == [(E.COOLDOWN_ENDED, EndedWhy.OPERATOR)] * 2
    assert story.is_healthy()
    assert strikes_of(story.state, TARGET, "vision") == 0
    assert story.fails() == []
    story.fails()
    row = story.learned()
    assert row is not None
    assert row.level == 0


def test_lifting_one_shape_leaves_the_others() -> None:
    story = cooled()
    story.fails(times=2, shape="tools")
    assert lift(story, "tools") == [(E.COOLDOWN_ENDED, EndedWhy.OPERATOR)]
    assert list(story.known().learned) == ["text"]


def test_lifting_ends_a_ramp_and_its_memory() -> None:
    story = ramping()
    assert lift(story, "text") == [(E.RAMP_ENDED, EndedWhy.OPERATOR)]
    story.fails(times=2)
    row = story.learned()
    assert row is not None
    assert row.level == 0


def test_lifting_all_brings_a_target_back_that_was_not_found() -> None:
    story = Story("g1").declares(TARGET)
    story.fails(times=2, failure=FailureClass.NOT_FOUND, phase=Phase.HEADERS)
    assert story.known().out is not None
    assert lift(story) == [(E.TARGET_BACK, EndedWhy.OPERATOR)]
    assert story.is_healthy()


def test_lifting_the_rest_of_an_unknown_target_changes_nothing() -> None:
    story = Story("g1")
    assert lift(story) == []
