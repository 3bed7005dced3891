"""What every event log must do. An adapter's test file gives `opened` and gets these tests.

Rule: the suite speaks to the port alone; whatever needs a file or a broker belongs to that adapter's
own tests. Waiting is for a condition with a deadline, never for a length of time.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from interlock_domain.events import CooldownLifted, TargetRemoved
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.log import EventLog
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.decisions import DecisionsContract
from interlock_testing.contracts.facts import GATEWAY, FactsContract
from interlock_testing.contracts.samples import decision, failure, one

PATIENCE_S = 50.0
"""Deadline of every wait: far beyond what a slow machine needs."""


class EventLogContract(DecisionsContract, FactsContract):
    """Subclass it as Test.. and give `opened`."""

    def opened(self, clock: Callable[[], int]) -> AbstractAsyncContextManager[EventLog]:
        """A new, empty log that is closed on leaving."""
        raise NotImplementedError

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
