"""The record sink over fakes: it waits for a database that is away, and passes over what it never takes."""

from collections.abc import Sequence

from interlock_domain.attempt.record import RequestRecord
from interlock_eventlog.adapters.memory_kept_letters import MemoryLetterKeeper
from interlock_reactors.keeping import FAMILY, Keeping
from interlock_reactors.sink import Sink
from interlock_reactors.taken import Taken
from tests.services.interlock_reactors.cell import batch, numbered


class Away(Exception):
    """The database cannot be reached."""


class Records:
    """A store that is away for a while and never takes some records; all or nothing."""

    def __init__(self, *, away: int = 0, refuses: frozenset[str] = frozenset()) -> None:
        self._away = away
        self._refuses = refuses
        self.kept: dict[str, RequestRecord] = {}

    async def put(self, records: Sequence[RequestRecord]) -> None:
        if self._away:
            self._away -= 1
            raise Away
        if any(one.request_id in self._refuses for one in records):
            raise ValueError
        self.kept.update({one.request_id: one for one in records})


class Keeper(MemoryLetterKeeper):
    """A keeper that is away at first."""

    def __init__(self, away: int) -> None:
        super().__init__(FAMILY)
        self.away = away

    async def keep(self, consumer, letters) -> None:
        if self.away:
            self.away -= 1
            raise Away
        await super().keep(consumer, letters)


async def at_once(_: float) -> None:
    """No pause."""


def sink(records: Records, keeper: MemoryLetterKeeper) -> Sink:
    return Sink(records, Keeping(keeper, away=(Away,), sleep=at_once), away=(Away,), sleep=at_once)


def taken(first: int, count: int, offset: int) -> Taken:
    out = batch(numbered(first, count))
    return Taken(topic="r", partition=0, offset=offset, recorded_ms=1, key=out.key, value=out.value)


async def test_it_returns_only_when_everything_is_kept():
    records, keeper = Records(away=5), MemoryLetterKeeper(FAMILY)
    one = sink(records, keeper)
    await one.take([taken(1, 3, 0), taken(4, 3, 1)])
    assert list(records.kept) == [f"req{n:06d}" for n in range(1, 7)]
    assert (one.kept, keeper.kept) == (6, {})


async def test_of_a_refused_transaction_only_the_batch_at_fault_is_put_away():
    records, keeper = Records(refuses=frozenset({"req000005"})), MemoryLetterKeeper(FAMILY)
    await sink(records, keeper).take([taken(1, 3, 0), taken(4, 3, 1), taken(7, 3, 2)])
    assert list(records.kept) == [f"req{n:06d}" for n in (1, 2, 3, 7, 8, 9)]
    assert [(one.offset, one.reason) for one in keeper.kept.values()] == [(1, "bad_data")]


async def test_a_record_is_passed_over_only_once_its_letter_is_kept():
    records, keeper = Records(), Keeper(away=3)
    bad = Taken(topic="r", partition=0, offset=9, recorded_ms=1, key=b"k", value=None)
    await sink(records, keeper).take([bad, taken(1, 1, 10)])
    assert keeper.away == 0
    assert [(one.offset, one.reason) for one in keeper.kept.values()] == [(9, "null_value")]
    assert list(records.kept) == ["req000001"]
