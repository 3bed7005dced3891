"""Looking through a topic: the same page as by sorting everything, and never more than the bound."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_eventlog.adapters.kafka_decoding import RecordDecoder
from interlock_eventlog.adapters.kafka_finding import FIRST_WINDOW, LOOKED_AT, WINDOW, find
from interlock_eventlog.codec import CODEC
from interlock_eventlog.queries import EventFilter
from interlock_runtime.kafka.reader import Record, UnreadableRecord
from interlock_testing.contracts.facts import GATEWAY
from interlock_testing.contracts.samples import failure

BODY = CODEC.encode(failure(1), GATEWAY)


def record(offset: int, *, stream: str = GATEWAY) -> Record:
    """A fact at an offset; of the reader's own kind, because it has the same fields."""
    return UnreadableRecord(offset=offset, timestamp=offset, key=stream.encode(), value=BODY)


class Topic:
    """Offsets up to an end, those of `holes` gone; counts what was looked at."""

    def __init__(self, holes: frozenset[int] = frozenset()) -> None:
        self.holes = holes
        self.looks: list[tuple[int, int]] = []

    async def read(self, start: int, end: int) -> list[Record]:
        self.looks.append((start, end))
        return [record(offset) for offset in range(start, end) if offset not in self.holes]


async def page(topic: Topic, wanted: EventFilter, end: int, start: int = 0) -> list[int]:
    found = await find(wanted, start, end, topic.read, RecordDecoder("events", CODEC))
    return [one.position for one in found]


@given(
    st.integers(0, 3_000),
    st.integers(0, 3_000),
    st.integers(1, 1_500),
    st.booleans(),
    st.frozensets(st.integers(0, 3_000), max_size=50),
)
async def test_a_page_is_what_sorting_everything_would_give(start, end, limit, newest, holes):
    expected = [offset + 1 for offset in range(start, end) if offset not in holes]
    if newest:
        expected.reverse()
    wanted = EventFilter(limit=limit, newest=newest)
    assert await page(Topic(holes), wanted, end, start) == expected[:limit]


async def test_a_page_of_the_newest_takes_one_look():
    topic = Topic()
    await page(topic, EventFilter(newest=True, limit=100), 1_000_000)
    assert topic.looks == [(1_000_000 - FIRST_WINDOW, 1_000_000)]


async def test_given_nothing_that_matches_then_the_look_is_bounded_in_both_directions():
    for newest in (True, False):
        looks: list[tuple[int, int]] = []

        async def nothing(start: int, end: int, looks: list[tuple[int, int]] = looks) -> list[Record]:
            looks.append((start, end))
            return []

        wanted = EventFilter(stream="pool/none", newest=newest)
        assert await find(wanted, 0, 10 * LOOKED_AT, nothing, RecordDecoder("events", CODEC)) == []
        looked_at = sum(end - start for start, end in looks)
        assert LOOKED_AT <= looked_at < LOOKED_AT + WINDOW
        assert max(end - start for start, end in looks) == WINDOW
