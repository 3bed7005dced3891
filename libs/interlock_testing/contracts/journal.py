"""What every journal must do beside keeping decisions in order: its outbox, and the places in the log."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from interlock_eventlog.journal import Journal, Outbox, PublishedAt
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.decisions import DecisionsContract
from interlock_testing.contracts.samples import decision, one

PATIENCE_S = 50.0
"""Deadline of every wait: far beyond what a slow machine needs."""


class RelayedJournal(Journal, Outbox, Protocol):
    """A journal with the relay's side of it."""


def stands(position: int, log_position: int) -> PublishedAt:
    """A place in the log."""
    return PublishedAt(position=position, log_position=log_position, log_ms=1_000 + log_position)


class JournalContract(DecisionsContract):
    """Subclass it as Test.. and give `opened`."""

    def opened(self, clock: Callable[[], int]) -> AbstractAsyncContextManager[RelayedJournal]:
        """A new, empty journal that is closed on leaving."""
        raise NotImplementedError

    async def _three(self, journal: RelayedJournal) -> None:
        await journal.append([one("config", 0, decision("a")), one("pool/p", 0, decision("b"))])
        await journal.append([one("config", 1, decision("c"))])

    async def test_read_gives_what_lies_behind_a_position_up_to_the_limit_and_of_one_stream(self) -> None:
        async with self.opened(ManualClock(77)) as journal:
            await self._three(journal)
            assert [(e.position, e.id) for e in await journal.read(after=1, limit=1)] == [(2, "b")]
            assert [e.id for e in await journal.read(after=0, limit=9, stream="config")] == ["a", "c"]
            assert await journal.read(after=3, limit=9) == []

    async def test_the_whole_envelope_comes_back(self) -> None:
        async with self.opened(ManualClock(77)) as journal:
            told = decision("a", reason="looks fine")
            await journal.append([one("config", 0, told)])
            (found,) = await journal.read(after=0, limit=9)
            assert (found.event, found.actor, found.reason) == (told.event, told.actor, told.reason)
            assert (found.correlation, found.causation) == (told.correlation, told.causation)
            assert found.recorded_ms == 77

    async def test_given_16_writers_when_a_reader_polls_then_it_sees_each_once_in_order(self) -> None:
        async with self.opened(ManualClock()) as journal:

            async def write(writer: int) -> None:
                for n in range(10):
                    await journal.append([one(f"pool/{writer}", n, decision(f"{writer}-{n}"))])

            seen: list[str] = []

            async def follow() -> None:
                after = 0
                while len(seen) < 160:
                    await asyncio.sleep(0)  # a journal in memory answers without giving way
                    for event in await journal.read(after=after, limit=7):
                        assert event.position == after + 1
                        after = event.position
                        seen.append(event.id)

            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(follow(), *(write(writer) for writer in range(16)))
            assert len(set(seen)) == 160

    async def test_what_was_appended_is_unpublished_in_order_as_it_will_stand(self) -> None:
        async with self.opened(ManualClock()) as journal:
            await self._three(journal)
            entries = await journal.unpublished(10)
            assert [(e.position, e.stream, e.version, e.id) for e in entries] == [
                (1, "config", 1, "a"),
                (2, "pool/p", 1, "b"),
                (3, "config", 2, "c"),
            ]
            assert {e.type for e in entries} == {"ProviderRemoved"}
            envelope = msgspec.json.decode(entries[2].body)
            assert (envelope["id"], envelope["stream"], envelope["version"]) == ("c", "config", 2)
            assert [e.position for e in await journal.unpublished(2)] == [1, 2]

    async def test_given_places_noted_then_the_rest_is_unpublished_and_positions_translate(self) -> None:
        async with self.opened(ManualClock()) as journal:
            await self._three(journal)
            await journal.published([stands(1, 10), stands(2, 12)], generation=1)
            assert [e.position for e in await journal.unpublished(10)] == [3]
            assert [await journal.log_position(n, 0.0) for n in (1, 2, 3, 4)] == [10, 12, None, None]

    async def test_given_a_place_noted_when_another_copy_is_noted_then_the_first_stays(self) -> None:
        async with self.opened(ManualClock()) as journal:
            await self._three(journal)
            await journal.published([stands(1, 10)], generation=1)
            await journal.published([stands(1, 20)], generation=1)
            assert await journal.log_position(1, 0.0) == 10

    async def test_given_a_waiter_when_the_place_is_noted_then_it_learns_it(self) -> None:
        async with self.opened(ManualClock()) as journal:
            await self._three(journal)
            waiter = asyncio.create_task(journal.log_position(2, PATIENCE_S))
            assert await journal.log_position(2, 0.01) is None
            await journal.published([stands(1, 10)], generation=1)
            await journal.published([stands(2, 11)], generation=1)
            assert await waiter == 11

    async def test_publish_again_forgets_the_places_from_that_entry_on(self) -> None:
        async with self.opened(ManualClock()) as journal:
            await self._three(journal)
            await journal.published([stands(n, n + 10) for n in (1, 2, 3)], generation=1)
            assert await journal.publish_again("pool/p", 1) == 2
            assert [e.position for e in await journal.unpublished(10)] == [2, 3]
            assert await journal.publish_again("pool/none", 1) == 0

    async def test_given_a_waiting_relay_when_something_is_to_be_sent_then_it_wakes(self) -> None:
        async with self.opened(ManualClock()) as journal:

            async def next_entries() -> list[int]:
                while not (entries := await journal.unpublished(10)):
                    assert await journal.wait(PATIENCE_S)
                return [entry.position for entry in entries]

            waiter = asyncio.create_task(next_entries())
            await journal.append([one("config", 0, decision("a"))])
            assert await waiter == [1]
            await journal.published([stands(1, 10)], generation=1)
            waiter = asyncio.create_task(next_entries())
            await journal.publish_again("config", 1)
            assert await waiter == [1]

    async def test_wait_is_false_when_nothing_came(self) -> None:
        async with self.opened(ManualClock()) as journal:
            assert await journal.unpublished(10) == []
            while await journal.wait(0.01):  # a journal that begins to listen may call for one more look
                assert await journal.unpublished(10) == []
