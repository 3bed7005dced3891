"""Promises of the fold over any log: total, repeatable, cut anywhere, blind to repetition."""

from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_domain import digest
from interlock_domain.events import ClockTicked, Event
from interlock_domain.projection import evolve as module
from interlock_domain.projection.checkpoint import decode_state, encode_state, fork, state_digest
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import all_rows, table_digest, take_changed_rows
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import RecordedEvent
from interlock_domain.rows import CooldownRow
from tests.libs.interlock_domain.projection.logs import STEP, logs
from tests.libs.interlock_domain.projection.story import T0, TARGET, Story

thorough = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def fold(records: list[RecordedEvent], state: State | None = None) -> State:
    folded = state or empty_state()
    for record in records:
        evolve(folded, record)
    return folded


def test_every_event_is_folded_and_only_the_clock_has_nothing_to_say() -> None:
    handled = set(module._DECISIONS) | set(module._FACTS)
    assert set(get_args(Event)) - handled == {ClockTicked}


@thorough
@given(logs)
def test_any_log_folds_and_time_and_position_only_grow(log: list[RecordedEvent]) -> None:
    state = empty_state()
    seen = [(0, 0)]
    for record in log:
        effects = evolve(state, record)
        seen.append((state.position, state.log_ms))
        assert all(effect.position <= record.position for effect in effects)
    assert seen == sorted(seen)
    assert not log or (state.position == log[-1].position and not state.staging)
    assert state.gap is None


@thorough
@given(logs, st.integers(0, 60))
def test_a_fold_may_be_cut_anywhere(log: list[RecordedEvent], cut: int) -> None:
    whole = fold(log)
    begun = decode_state(encode_state(fold(log[:cut])))
    assert state_digest(fold(log[cut:], begun)) == state_digest(whole)
    assert all_rows(begun) == all_rows(whole)


@thorough
@given(logs, st.data())
def test_whatever_is_delivered_twice_gives_the_same_state(
    log: list[RecordedEvent], data: st.DataObject
) -> None:
    end = replace_tick(log)
    delivered: list[RecordedEvent] = []
    for index, record in enumerate(log):
        delivered.append(record)
        again = data.draw(st.one_of(st.none(), st.integers(0, index)))
        if again is not None:
            copy = replace(log[again], position=record.position + 1, recorded_ms=record.recorded_ms)
            delivered += [copy, record]
    assert state_digest(fold([*delivered, end])) == state_digest(fold([*log, end]))


def replace_tick(log: list[RecordedEvent]) -> RecordedEvent:
    """The record that both logs end with."""
    return RecordedEvent(
        position=(len(log) + 2) * STEP,
        recorded_ms=T0 + 10_000_000,
        stream="clock",
        version=None,
        id="end",
        event=ClockTicked(),
    )


@thorough
@given(logs, st.integers(1, 9))
def test_changed_rows_add_up_to_the_table(log: list[RecordedEvent], every: int) -> None:
    state = empty_state()
    table: dict[str, bytes] = {}
    for index, record in enumerate(log):
        evolve(state, record)
        if index % every == 0:
            for key, payload in take_changed_rows(state).items():
                if payload is None:
                    table.pop(key, None)
                else:
                    table[key] = payload
            assert table == all_rows(state)
            assert table_digest(state) == digest.table_digest(table)


@thorough
@given(logs)
def test_a_learned_cooldown_is_never_shortened_while_it_runs(log: list[RecordedEvent]) -> None:
    state = empty_state()
    for record in log:
        before = fork(state)
        effects = evolve(state, record)
        ended = {(e.subject, e.shape) for e in effects if e.kind in {"CooldownEnded", "RampEnded"}}
        for name, shape, row in _cooling(before, state.log_ms):
            after = state.targets.get(name)
            if after is None or (f"target/{name}", shape) in ended or state.staging:
                continue
            now = after.learned[shape]
            assert now.until_ms >= row.until_ms


def _cooling(state: State, now_ms: int) -> list[tuple[str, str, CooldownRow]]:
    return [
        (name, shape, row)
        for name, target in state.targets.items()
        for shape, row in target.learned.items()
        if row.until_ms > now_ms
    ]


def test_the_same_position_twice_changes_nothing() -> None:
    story = Story("g1").declares(TARGET)
    before = state_digest(story.state)
    for record in list(story.log):
        assert story.fold(record) == []
    assert state_digest(story.state) == before


def test_a_fork_goes_its_own_way() -> None:
    story = Story("g1").declares(TARGET)
    kept = fork(story.state)
    digest = state_digest(kept)
    story.fails(times=2)
    assert state_digest(kept) == digest != state_digest(story.state)
