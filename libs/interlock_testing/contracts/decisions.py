"""What every order of decisions must do, a log's own or a journal's.

Rule: the suite speaks to `append`, `read` and `head` alone, so that a journal, which holds no facts, is held
to the same promises as a log.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from interlock_domain.recorded import BatchPart, RecordedEvent
from interlock_eventlog.log import Appended, StreamAppend, VersionConflict
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.samples import decision, one


class Decisions(Protocol):
    """What EventLog and Journal have in common."""

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """See EventLog."""
        ...

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog."""
        ...

    async def head(self) -> int:
        """See EventLog."""
        ...


class DecisionsContract:
    """The part of a contract suite that is about decisions; subclasses give `opened`."""

    def opened(self, clock: Callable[[], int]) -> AbstractAsyncContextManager[Decisions]:
        """A new, empty order of decisions that is closed on leaving."""
        raise NotImplementedError

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

    async def test_given_two_writers_of_one_version_then_exactly_one_wins(self) -> None:
        async with self.opened(ManualClock()) as log:
            answers = await asyncio.gather(
                *(log.append([one("config", 0, decision(f"w{n}"))]) for n in range(8))
            )
            assert sum(isinstance(answer, Appended) for answer in answers) == 1
            assert await log.head() == 1
