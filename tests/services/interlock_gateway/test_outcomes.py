"""The rings on their way out: a log or a store that is away costs no request and doubles nothing."""

import re
from collections.abc import Sequence

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.events import AttemptFailed, GatewayReported
from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.log import Appended, EventLog, StreamAppend, VersionConflict
from interlock_gateway.bootstrap import GatewayPorts
from interlock_gateway.identity import Identity
from interlock_gateway.outcomes import OutcomeRing
from interlock_gateway.sender import RecordSender
from interlock_gateway.weight import weight
from interlock_records.adapters.memory import MemoryRequestRecords
from interlock_records.records import RecordFilter
from interlock_testing.behaviour import fail
from interlock_testing.clock import FakeClock
from interlock_testing.running import GatewayOptions, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import QUICK

LONG_S = 30.0


class UnsteadyLog:
    """An event log whose `publish` fails while `away`, before it writes or after (`loses_answers`)."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.away = False
        self.loses_answers = 0
        self.tries = 0

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        self.tries += 1
        if self.away:
            raise ConnectionError("the log is away")
        position = await self.log.publish(stream, facts)
        if self.loses_answers:
            self.loses_answers -= 1
            raise TimeoutError("written, but nobody heard of it")
        return position

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        return await self.log.append(appends)

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        return await self.log.read(after=after, limit=limit, stream=stream)

    async def position_at(self, recorded_ms: int) -> int:
        return await self.log.position_at(recorded_ms)

    async def head(self) -> int:
        return await self.log.head()

    async def wait(self, after: int, timeout_s: float) -> bool:
        return await self.log.wait(after, timeout_s)


class UnsteadyRecords(MemoryRequestRecords):
    """A store of records that fails while `away`."""

    away = False

    async def put(self, records: Sequence[RequestRecord]) -> None:
        if self.away:
            raise OSError("no space left on device")
        await super().put(records)


async def test_with_the_log_away_requests_are_answered_and_the_facts_follow_in_order(atlas, breeze):
    atlas.behaviour = fail(429)
    config = declaring(
        {"atlas": atlas.url, "breeze": breeze.url}, policy="{cooldown: {strikes: 1000, consecutive: 1000}}"
    )
    async with running(config) as loop:
        log = UnsteadyLog(loop.log)
        async with loop.serving("gw-2", GatewayOptions(log=log)) as second:
            log.away = True
            for _ in range(8):
                assert (await second.chat()).status_code == 200
            before = log.tries
            await until(lambda: log.tries > before, what="a try with all of them")
            waiting = len(second.service.gateway.ring)
            assert waiting >= 8
            assert list(await loop.facts(AttemptFailed)) == []
            log.away = False
            await until(
                lambda: not len(second.service.gateway.ring), timeout_s=LONG_S, what="the ring to empty"
            )
        recorded = await loop.log.read(after=0, limit=1_000, stream="gateway/gw-2")
    sequences = [one.source.seq for one in recorded if one.source]
    assert sequences == list(range(1, len(sequences) + 1))
    failed = [one for one in recorded if isinstance(one.event, AttemptFailed)]
    assert len(failed) == 8
    assert failed[0].age_ms >= 50, "the fold learns how long the evidence waited"


async def test_a_batch_whose_answer_was_lost_is_sent_again_and_folded_once(atlas, breeze):
    atlas.behaviour = fail(429)
    config = declaring(
        {"atlas": atlas.url, "breeze": breeze.url}, policy="{cooldown: {strikes: 1000, consecutive: 1000}}"
    )
    async with running(config) as loop:
        log = UnsteadyLog(loop.log)
        async with loop.serving("gw-2", GatewayOptions(log=log)) as second:
            log.loses_answers = 3
            for _ in range(5):
                await second.chat()
            await until(lambda: not log.loses_answers, timeout_s=LONG_S, what="the lost answers")
            await until(
                lambda: not len(second.service.gateway.ring), timeout_s=LONG_S, what="the ring to empty"
            )
        recorded = await loop.log.read(after=0, limit=1_000, stream="gateway/gw-2")
    ids = [one.id for one in recorded]
    assert len(ids) == len(set(ids))
    assert sum(isinstance(one.event, AttemptFailed) for one in recorded) == 5


async def test_what_the_ring_lost_is_counted_and_reported(atlas):
    async with running(declaring({"atlas": atlas.url}, policy=QUICK)) as loop:
        log = UnsteadyLog(loop.log)
        async with loop.serving("gw-2", GatewayOptions(log=log)) as second:
            ring = second.service.gateway.ring
            await until(lambda: not len(ring), what="the report of the start to be told")
            log.away = True
            ring._capacity = 3
            atlas.behaviour = fail(429)
            for _ in range(6):
                await second.chat()
            dropped = ring.dropped
            page = (await second.http.get("/metrics")).text
            told = re.search(r"^interlock_outcomes_dropped (\S+)$", page, re.MULTILINE)
            assert told is not None
            assert 3 <= dropped <= float(told[1]) <= ring.dropped, "a report may be lost meanwhile"
            log.away = False
            await until(lambda: not len(ring), timeout_s=LONG_S, what="the ring to be empty")
        reports = [r for r in await loop.facts(GatewayReported) if r.moment == "stop"]
    assert any(report.outcomes_dropped >= 3 for report in reports)


def ring(capacity: int = 3) -> OutcomeRing:
    return OutcomeRing(Identity(gateway="g", worker=0, boot="b"), capacity=capacity)


def fact(n: int) -> GatewayReported:
    return GatewayReported(moment="running", in_flight=n)


def in_flight(events: Sequence[NewEvent]) -> list[int]:
    return [one.event.in_flight for one in events if isinstance(one.event, GatewayReported)]


def test_a_full_ring_drops_the_oldest_and_never_the_newest():
    full = ring(3)
    for n in range(5):
        full.put(fact(n), 0.0)
    assert (in_flight(full.batch(0.0)), full.dropped) == ([2, 3, 4], 2)


def test_facts_too_old_to_open_anything_are_dropped_at_sending():
    clock = FakeClock()
    old = ring(10)
    old.put(fact(0), clock.monotonic() * 1000)
    clock.advance(59.0)
    old.put(fact(1), clock.monotonic() * 1000)
    clock.advance(2.0)
    batch = old.batch(clock.monotonic() * 1000)
    assert in_flight(batch) == [1]
    assert batch[0].age_ms == 2_000
    assert old.dropped == 1


def test_an_acknowledged_fact_is_gone_and_an_unacknowledged_one_keeps_its_number():
    some = ring(10)
    for n in range(4):
        some.put(fact(n), 0.0)
    first = some.batch(0.0)
    source = first[1].source
    assert source is not None
    some.acknowledge(source.seq)
    again = some.batch(5.0)
    assert [one.id for one in again] == [one.id for one in first[2:]]


async def test_with_the_record_store_away_requests_are_answered_and_the_records_follow(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        records = UnsteadyRecords()
        async with loop.serving("gw-2", GatewayOptions(records=records)) as second:
            records.away = True
            answers = [await second.chat() for _ in range(5)]
            assert {a.status_code for a in answers} == {200}
            records.away = False
            await until(lambda: _count(records, 5), timeout_s=LONG_S, what="the records")


async def _count(records: MemoryRequestRecords, n: int) -> bool:
    return len((await records.newest(RecordFilter())).records) == n


async def test_a_full_ring_of_records_drops_the_oldest_and_says_so(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        some = [await loop.record(await loop.chat()) for _ in range(5)]
    store = MemoryRequestRecords()
    room = weight(some[3]) + weight(some[4])
    sender = RecordSender(store, monotonic=FakeClock().monotonic, capacity=room)
    for record in some:
        sender.put(record)
    assert 0 < sender.bytes <= room
    await sender.flush()
    assert (len(sender), sender.bytes) == (0, 0)
    assert sender.dropped == 3
    kept = {one.request_id for one in (await store.newest(RecordFilter())).records}
    assert kept == {one.request_id for one in some[3:]}


async def test_a_stop_with_the_log_away_ends_all_the_same(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        log = UnsteadyLog(loop.log)
        async with loop.serving("gw-2", GatewayOptions(log=log)) as second:
            await second.chat()
            log.away = True
        assert second.service.gateway.client.stats().open == 0


def test_a_gateway_needs_no_more_than_a_log_a_feed_and_records():
    ports = GatewayPorts(log=MemoryEventLog(lambda: 0), feed=None, records=MemoryRequestRecords())  # type: ignore[arg-type]
    assert ports.snapshot_file is None
