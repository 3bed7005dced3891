"""What every log that can be searched must do."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from interlock_domain.events import CooldownLifted
from interlock_domain.recorded import stream_of_gateway
from interlock_eventlog.log import EventLog
from interlock_eventlog.queries import EventFilter, EventQueries
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.samples import decision, failure, one


class SearchableLog(EventLog, EventQueries, Protocol):
    """A log with its query port."""


class EventQueriesContract:
    """Subclass it as Test.. and give `searchable`."""

    def searchable(self, clock: Callable[[], int]) -> AbstractAsyncContextManager[SearchableLog]:
        """A new, empty log that is closed on leaving."""
        raise NotImplementedError

    async def _filled(self, log: SearchableLog, clock: ManualClock) -> None:
        """1 config, 2 p/a failed, 3 p/b failed, 4 lifted on p/a, 5 p/a failed; one per second."""
        lifted = decision("lift", CooldownLifted(target="p/a", shape="*"))
        gateway = stream_of_gateway("g1")
        clock.now_ms = 1000
        await log.append([one("config", 0, decision("first"))])
        clock.now_ms = 2000
        await log.publish(gateway, [failure(1, target="p/a")])
        clock.now_ms = 3000
        await log.publish(gateway, [failure(2, target="p/b")])
        clock.now_ms = 4000
        await log.append([one("target/p/a", 0, lifted)])
        clock.now_ms = 5000
        await log.publish(gateway, [failure(3, target="p/a")])

    async def test_each_filter_narrows_and_they_combine(self) -> None:
        clock = ManualClock()
        async with self.searchable(clock) as log:
            await self._filled(log, clock)
            expected = {
                EventFilter(): [1, 2, 3, 4, 5],
                EventFilter(stream="gateway/g1"): [2, 3, 5],
                EventFilter(subject="target/p/a"): [2, 4, 5],
                EventFilter(type="AttemptFailed"): [2, 3, 5],
                EventFilter(from_position=2, to_position=4): [2, 3, 4],
                EventFilter(from_ms=3000, to_ms=4000): [3, 4],
                EventFilter(subject="target/p/a", type="AttemptFailed", from_ms=2001): [5],
                EventFilter(type="Nothing"): [],
            }
            for wanted, positions in expected.items():
                assert [found.position for found in await log.find(wanted)] == positions, wanted

    async def test_pages_follow_one_another_in_both_directions(self) -> None:
        clock = ManualClock()
        async with self.searchable(clock) as log:
            await self._filled(log, clock)
            for newest, order in ((False, [1, 2, 3, 4, 5]), (True, [5, 4, 3, 2, 1])):
                seen: list[int] = []
                while page := await log.find(
                    EventFilter(after=seen[-1] if seen else 0, limit=2, newest=newest)
                ):
                    seen.extend(found.position for found in page)
                assert seen == order

    async def test_a_record_comes_as_its_envelope(self) -> None:
        clock = ManualClock()
        async with self.searchable(clock) as log:
            await self._filled(log, clock)
            (found,) = await log.find(EventFilter(from_position=4, to_position=4))
            body = msgspec.json.decode(found.body)
            assert (found.stream, found.type, found.recorded_ms) == ("target/p/a", "CooldownLifted", 4000)
            assert body["data"] == {"target": "p/a", "shape": "*"}
            assert (body["id"], body["type"], body["v"], body["version"]) == ("lift", "CooldownLifted", 1, 1)
