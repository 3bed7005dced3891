"""What a reader gets for records that cannot be read."""

import pytest

from interlock_domain.events import ClockTicked
from interlock_domain.recorded import CLOCK_STREAM
from interlock_eventlog.codec import CODEC, UndecodableReason
from interlock_eventlog.log import UnreadableDecision
from interlock_eventlog.reading import PageReader
from interlock_testing.contracts.samples import decision, failure

GOOD = CODEC.encode(decision("a"), "config", 1)
FACT = CODEC.encode(failure(1), "gateway/g1")
LATER = GOOD.replace(b'"v":1', b'"v":9')


def test_an_unreadable_fact_is_counted_and_stands_as_a_tick():
    reader = PageReader()
    events = reader.page(
        [(1, 10, None, FACT), (2, 20, None, b"?"), (3, 30, None, FACT.replace(b"Failed", b"Xed"))]
    )
    assert [(one.position, one.recorded_ms) for one in events] == [(1, 10), (2, 20), (3, 30)]
    assert [one.event for one in events[1:]] == [ClockTicked()] * 2
    assert [(one.stream, one.source, one.version) for one in events[1:]] == [(CLOCK_STREAM, None, None)] * 2
    assert reader.passed_over == {UndecodableReason.BAD_JSON: 1, UndecodableReason.UNKNOWN_TYPE: 1}


def test_an_unreadable_decision_ends_the_page_before_it():
    events = PageReader().page([(1, 10, 1, GOOD), (2, 20, 2, LATER), (3, 30, 3, GOOD)])
    assert [one.position for one in events] == [1]


def test_an_unreadable_decision_that_comes_next_stops_the_reader_with_a_sentence():
    with pytest.raises(
        UnreadableDecision, match=r"position 2 .ProviderRemoved. .* future_version.*Start the version"
    ):
        PageReader().page([(2, 20, 2, LATER)])
    with pytest.raises(UnreadableDecision, match="no type"):
        PageReader().page([(2, 20, 2, b"?")])
