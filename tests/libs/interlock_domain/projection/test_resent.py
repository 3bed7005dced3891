"""What producers' rules allow a broker to hold: whole runs sent again, late, torn, at their own times.

A producer sends in its own order and begins again from the first that was not acknowledged; what it gave up
may still arrive behind everything newer. So a log is the intended one plus copies of runs of one producer,
each run behind its originals, at any later moment. Such a log ends in the state that the intended one has.
"""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_domain.events import ClockTicked
from interlock_domain.projection.checkpoint import decode_state, encode_state, state_digest
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import table_digest
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import RecordedEvent
from tests.libs.interlock_domain.projection.logs import STEP, logs
from tests.libs.interlock_domain.projection.story import T0

MOST = STEP - 1
"""Copies that fit between two positions."""
LATEST_MS = 600_000
"""A gateway tells nothing older than a minute and gives a send up within seconds; ten minutes are generous,
and well within the hour after which the fold forgets a silent worker."""

thorough = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def producer(record: RecordedEvent) -> object:
    """Whose order a record belongs to: the relay's, one worker's, or nobody's."""
    if record.version is not None:
        return "relay"
    return record.source and (record.source.gateway, record.source.worker, record.source.boot)


@st.composite
def resent(draw: st.DrawFn) -> tuple[list[RecordedEvent], list[RecordedEvent]]:
    """An intended log, and the same with runs of one producer repeated behind their originals."""
    log = draw(logs)
    end = RecordedEvent(
        position=(len(log) + 2) * STEP,
        recorded_ms=T0 + 10_000_000,
        stream="clock",
        version=None,
        id="end",
        event=ClockTicked(),
    )
    log = [*log, end]
    delivered: list[RecordedEvent] = []
    for index, (record, following) in enumerate(pairwise(log)):
        delivered.append(record)
        if not draw(st.booleans()):
            continue
        own = [
            one
            for one in log[: index + 1]
            if producer(one) == producer(record) and record.recorded_ms - one.recorded_ms < LATEST_MS
        ]
        first = draw(st.integers(0, len(own) - 1))
        length = draw(st.integers(1, MOST))
        oldest_ms = min(one.recorded_ms for one in own)
        latest = max(record.recorded_ms, min(following.recorded_ms, oldest_ms + LATEST_MS))
        at_ms = draw(st.integers(record.recorded_ms, latest))
        delivered += [
            replace(one, position=record.position + place, recorded_ms=at_ms)
            for place, one in enumerate(own[first : first + length], start=1)
        ]
    return log, [*delivered, end]


def fold(records: list[RecordedEvent], state: State | None = None) -> State:
    folded = state or empty_state()
    for record in records:
        evolve(folded, record)
    return folded


@thorough
@given(resent())
def test_runs_that_a_producer_sent_again_change_neither_state_nor_rows(
    both: tuple[list[RecordedEvent], list[RecordedEvent]],
) -> None:
    intended, delivered = both
    assert table_digest(fold(delivered)) == table_digest(fold(intended))
    assert state_digest(fold(delivered)) == state_digest(fold(intended))


@thorough
@given(resent(), st.lists(st.integers(0, 400), max_size=4), st.integers(1, 20))
def test_a_reader_that_begins_again_from_a_checkpoint_ends_in_the_same_state(
    both: tuple[list[RecordedEvent], list[RecordedEvent]], cuts: list[int], rewind: int
) -> None:
    intended, delivered = both
    state, begun = empty_state(), 0
    for cut in sorted(cuts):
        state = decode_state(encode_state(fold(delivered[max(0, begun - rewind) : cut], state)))
        begun = max(begun, min(cut, len(delivered)))
    state = fold(delivered[max(0, begun - rewind) :], state)
    assert state_digest(state) == state_digest(fold(intended))
