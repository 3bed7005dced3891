"""What every event log must do. An adapter's test file gives `opened` and gets these tests.

Rule: the suite speaks to the port alone; whatever needs a file or a broker belongs to that adapter's
own tests. Waiting is for a condition with a deadline, never for a length of time.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from interlock_domain.events import ClockTicked, CooldownLifted, TargetRemoved
from interlock_domain.recorded import CLOCK_STREAM, BatchPart, RecordedEvent, stream_of_gateway
from interlock_eventlog.log import Appended, EventLog, StreamAppend, VersionConflict
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.samples import decision, failure, one

PATIENCE_S = 20.0
"""Deadline of every wait: far beyond what a slow machine needs."""

GATEWAY = stream_of_gateway("g1")


class EventLogContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self, clock: Callable[[], int]) -> AbstractAsyncContextManager[EventLog]:
        """A new, empty log that is closed on leaving."""
        raise NotImplementedError

    async def test_an_empty_log_has_head_zero_and_no_events(self) -> None:
        async with self.opened(ManualClock()) as log:
            assert await log.head() == 0
            assert await log.read(after=0, limit=10) == []
            assert await log.position_at(10**15) == 0

    async def test_given_the_right_version_when_appended_then_versions_and_positions_count_from_1(
        self,
    ) -> None:
        async with self.opened(ManualClock(500)) as log:
            first = await log.append([one("config", 0, decision("a"), decision("b"))])
            second = await log.append([one("config", 2, decision("c"))])
            assert first == Appended(position=2, versions={"config": 2})
            assert second == Appended(position=3, versions={"config": 3})
            events = await log.read(after=0, limit=10)
            assert [(e.position, e.version, e.id, e.recorded_ms) for e in events] == [
                (1, 1, "a", 500),
                (2, 2, "b", 500),
                (3, 3, "c", 500),
            ]

    async def test_given_a_wrong_version_when_appended_then_the_conflict_names_both_and_nothing_is_written(
        self,
    ) -> None:
        async with self.opened(ManualClock()) as log:
            await log.append([one("config", 0, decision("a"))])
            for wrong in (0, 2, 7):
                answer = await log.append([one("config", wrong, decision("b"))])
                assert answer == VersionConflict(stream="config", expected=wrong, actual=1)
            assert await log.head() == 1
            assert [e.id for e in await log.read(after=0, limit=10)] == ["a"]

    async def test_given_no_expected_version_when_appended_then_it_follows_whatever_is_there(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.append([one("config", None, decision("a"))])
            answer = await log.append([one("config", None, decision("b"))])
            assert answer == Appended(position=2, versions={"config": 2})

    async def test_given_several_streams_when_one_version_is_wrong_then_no_stream_gets_anything(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.append([one("pool/p", 0, decision("a"))])
            answer = await log.append([one("config", 0, decision("b")), one("pool/p", 0, decision("c"))])
            assert answer == VersionConflict(stream="pool/p", expected=0, actual=1)
            assert [e.id for e in await log.read(after=0, limit=10)] == ["a"]
            assert await log.append([one("config", 0, decision("d"))]) == Appended(
                position=2, versions={"config": 1}
            )

    async def test_several_streams_in_one_append_are_one_batch(self) -> None:
        async with self.opened(ManualClock()) as log:
            answer = await log.append(
                [one("config", 0, decision("a")), one("pool/p", 0, decision("b"), decision("c"))]
            )
            assert answer == Appended(position=3, versions={"config": 1, "pool/p": 2})
            events = await log.read(after=0, limit=10)
            assert [e.batch for e in events] == [BatchPart(id="a", index=n, size=3) for n in range(3)]
            assert [(e.stream, e.version) for e in events] == [("config", 1), ("pool/p", 1), ("pool/p", 2)]

    async def test_an_append_without_events_only_checks_the_versions(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.append([one("policy", 0, decision("a"))])
            guarded = await log.append([StreamAppend(stream="policy", expected_version=1, events=())])
            refused = await log.append([StreamAppend(stream="policy", expected_version=0, events=())])
            assert guarded == Appended(position=1, versions={"policy": 1})
            assert isinstance(refused, VersionConflict)

    async def test_given_an_id_that_is_there_when_appended_again_then_it_answers_where_it_stands(
        self,
    ) -> None:
        async with self.opened(ManualClock()) as log:
            appends = [one("config", 0, decision("a")), one("pool/p", 0, decision("b"))]
            first = await log.append(appends)
            await log.append([one("config", 1, decision("c"))])
            again = await log.append(appends)
            assert isinstance(first, Appended)
            assert again == Appended(position=first.position, versions=first.versions, repeated=True)
            assert await log.head() == 3

    async def test_facts_are_appended_without_a_check_and_have_no_version(self) -> None:
        async with self.opened(ManualClock()) as log:
            assert await log.publish(GATEWAY, [failure(1), failure(2)]) == 2
            events = await log.read(after=0, limit=10)
            assert [(e.stream, e.version, e.batch) for e in events] == [(GATEWAY, None, None)] * 2
            assert [e.source.seq for e in events if e.source is not None] == [1, 2]

    async def test_given_a_fact_that_is_there_when_published_again_then_it_is_kept_once(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.publish(GATEWAY, [failure(1), failure(2)])
            assert await log.publish(GATEWAY, [failure(1), failure(2)]) == 2
            assert await log.publish(GATEWAY, [failure(2), failure(3), failure(3)]) == 3
            assert [e.id for e in await log.read(after=0, limit=10)] == [failure(n).id for n in (1, 2, 3)]
            assert [e.position for e in await log.read(after=0, limit=10)] == [1, 2, 3]

    async def test_read_gives_what_lies_behind_a_position_up_to_the_limit_and_of_one_stream(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.append([one("config", 0, decision("a"))])
            await log.publish(GATEWAY, [failure(1)])
            await log.append([one("config", 1, decision("b"), decision("c"))])
            assert [e.position for e in await log.read(after=1, limit=2)] == [2, 3]
            assert [e.position for e in await log.read(after=4, limit=2)] == []
            assert [e.id for e in await log.read(after=1, limit=1, stream="config")] == ["b"]
            assert [e.id for e in await log.read(after=0, limit=9, stream="config")] == ["a", "b", "c"]
            assert await log.read(after=0, limit=9, stream="pool/none") == []

    async def test_the_whole_envelope_comes_back(self) -> None:
        async with self.opened(ManualClock(77)) as log:
            told = decision("a", CooldownLifted(target="p/m", shape="*"), reason="looks fine")
            await log.append([one("target/p/m", 0, told)])
            fact = failure(1, age_ms=12)
            await log.publish(GATEWAY, [fact])
            first, second = await log.read(after=0, limit=10)
            assert (first.event, first.actor, first.reason) == (told.event, told.actor, told.reason)
            assert (first.correlation, first.causation) == (told.correlation, told.causation)
            assert (second.event, second.source, second.age_ms) == (fact.event, fact.source, 12)

    async def test_position_at_is_the_last_event_recorded_by_then(self) -> None:
        clock = ManualClock()
        async with self.opened(clock) as log:
            for n, moment in enumerate((100, 200, 200, 300), start=1):
                clock.now_ms = moment
                await log.publish(GATEWAY, [failure(n)])
            found = [await log.position_at(moment) for moment in (99, 100, 199, 200, 299, 300, 10**15)]
            assert found == [0, 1, 1, 3, 3, 4, 4]

    async def test_given_a_clock_that_stepped_back_then_raw_times_are_kept_and_position_order_rules(
        self,
    ) -> None:
        clock = ManualClock(200)
        async with self.opened(clock) as log:
            await log.publish(GATEWAY, [failure(1)])
            clock.now_ms = 150
            await log.publish(GATEWAY, [failure(2)])
            assert [e.recorded_ms for e in await log.read(after=0, limit=10)] == [200, 150]
            assert await log.position_at(170) == 2
            assert await log.position_at(200) == 2

    async def test_wait_is_true_at_once_when_there_is_more_and_false_when_the_time_passed(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.publish(GATEWAY, [failure(1)])
            assert await log.wait(0, 0.0) is True
            assert await log.wait(1, 0.01) is False

    async def test_given_waiters_when_something_is_appended_then_all_of_them_wake(self) -> None:
        async with self.opened(ManualClock()) as log:
            waiters = [asyncio.create_task(log.wait(0, PATIENCE_S)) for _ in range(3)]
            await asyncio.sleep(0)
            await log.append([one("config", 0, decision("a"))])
            late = [asyncio.create_task(log.wait(1, PATIENCE_S)) for _ in range(2)]
            await asyncio.sleep(0)
            await log.publish(GATEWAY, [failure(1)])
            assert await asyncio.gather(*waiters, *late) == [True] * 5

    async def test_given_16_writers_when_a_reader_polls_then_it_sees_each_event_once_in_order(self) -> None:
        async with self.opened(ManualClock()) as log:

            async def write(writer: int) -> None:
                for n in range(10):
                    if n % 2:
                        await log.publish(f"gateway/g{writer}", [failure(n, gateway=f"g{writer}")])
                    else:
                        event = TargetRemoved(target=f"p/{writer}")
                        await log.append(
                            [one(f"target/p/{writer}", n // 2, decision(f"{writer}-{n}", event))]
                        )

            seen: list[RecordedEvent] = []

            async def follow() -> None:
                while len(seen) < 160:
                    after = seen[-1].position if seen else 0
                    assert await log.wait(after, PATIENCE_S)
                    seen.extend(await log.read(after=after, limit=7))

            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(follow(), *(write(writer) for writer in range(16)))
            assert [e.position for e in seen] == list(range(1, 161))
            assert len({e.id for e in seen}) == 160
            for writer in range(16):
                versions = [e.version for e in seen if e.stream == f"target/p/{writer}"]
                assert versions == [1, 2, 3, 4, 5]

    async def test_given_two_writers_of_one_version_then_exactly_one_wins(self) -> None:
        async with self.opened(ManualClock()) as log:
            answers = await asyncio.gather(
                *(log.append([one("config", 0, decision(f"w{n}"))]) for n in range(8))
            )
            assert sum(isinstance(answer, Appended) for answer in answers) == 1
            assert await log.head() == 1

    async def test_a_tick_of_the_clock_stream_is_a_fact_like_any_other(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.publish(CLOCK_STREAM, [decision("tick-1", ClockTicked())])
            (found,) = await log.read(after=0, limit=10, stream=CLOCK_STREAM)
            assert found.version is None
