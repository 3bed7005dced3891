"""The journals in memory and in PostgreSQL side by side with lists: any history gives the same answers."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.memory_journal import MemoryJournal
from interlock_eventlog.log import Appended, VersionConflict
from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.contracts.journal import RelayedJournal, stands
from interlock_testing.contracts.samples import decision, one
from interlock_testing.services.databases import PostgresService
from tests.libs.interlock_eventlog.twins import STREAMS, T, Twins


class Journals(Twins[RelayedJournal]):
    """Beside the model: where each entry that was sent stands in the log."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        super().__init__()
        self.runner = runner
        self.places: dict[int, int] = {}
        self.sent = 0
        self.memory = MemoryJournal(self.clock)
        self.engine = open_postgres(url, size=2)
        self.postgres = PostgresJournal(self.engine, clock=self.clock)
        self.runner.run(self.emptied())

    async def emptied(self) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(text("TRUNCATE journal"))

    def both(self, call: Callable[[RelayedJournal], Coroutine[Any, Any, T]]) -> T:
        memory, real = self.runner.run(call(self.memory)), self.runner.run(call(self.postgres))
        assert memory == real
        return memory

    @rule(chosen=st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(1, 3)), min_size=1, max_size=3))
    def append_rightly(self, chosen):
        number, appends, versions = len(self.batches), [], {}
        for part, (stream, size) in enumerate(chosen):  # a stream may come twice: it counts on
            expected = self.version(stream)
            names = [f"{number}-{part}-{n}" for n in range(size)]
            appends.append(one(stream, expected, *map(decision, names)))
            self.model += [(stream, expected + n, name) for n, name in enumerate(names, start=1)]
            versions[stream] = expected + size
        answer = self.both(lambda journal: journal.append(appends))
        assert answer == Appended(position=len(self.model), versions=versions)
        self.batches.append((appends, answer))

    @rule(stream=st.sampled_from(STREAMS), writers=st.integers(2, 5))
    def append_at_once(self, stream, writers):
        expected, number = self.version(stream), len(self.batches)
        rivals = [[one(stream, expected, decision(f"{number}-w{n}"))] for n in range(writers)]

        async def race(journal: RelayedJournal) -> list[Appended | VersionConflict]:
            return list(await asyncio.gather(*map(journal.append, rivals)))

        first, *others = self.both(race)
        self.model.append((stream, expected + 1, f"{number}-w0"))
        assert first == Appended(position=len(self.model), versions={stream: expected + 1})
        refused = VersionConflict(stream=stream, expected=expected, actual=expected + 1)
        assert others == [refused] * (writers - 1)
        self.batches.append((rivals[0], first))

    @rule(limit=st.integers(1, 5), noted=st.booleans())
    def relay(self, limit, noted):
        entries = self.both(lambda journal: journal.unpublished(limit))
        places = [stands(entry.position, self.sent + n) for n, entry in enumerate(entries, start=1)]
        self.sent += len(entries)
        if noted:
            self.both(lambda journal: journal.published(places, 1))
            self.places |= {place.position: place.log_position for place in places}

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def publish_again(self, data):
        position = data.draw(st.integers(1, len(self.model)))
        stream, version, _ = self.model[position - 1]
        forgotten = [known for known in self.places if known >= position]
        assert self.both(lambda journal: journal.publish_again(stream, version)) == len(forgotten)
        for known in forgotten:
            del self.places[known]

    @invariant()
    def both_hold_the_model(self):
        events = self.both(lambda journal: journal.read(after=0, limit=10_000))
        assert [(event.stream, event.version, event.id) for event in events] == self.model
        waiting = self.both(lambda journal: journal.unpublished(10_000))
        positions = set(range(1, len(self.model) + 1))
        assert [entry.position for entry in waiting] == sorted(positions - set(self.places))
        assert self.both(lambda journal: journal.head()) == len(self.model)

    def teardown(self) -> None:
        for position in range(1, len(self.model) + 2):
            known = self.both(lambda journal, n=position: journal.log_position(n, 0.0))  # type: ignore[misc]
            assert known == self.places.get(position)

        async def closed() -> None:
            await self.postgres.close()
            await self.engine.dispose()

        self.runner.run(closed())


@pytest.mark.slow
def test_any_history_gives_the_same_answers(postgres: PostgresService) -> None:
    few = settings(
        max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with asyncio.Runner() as runner:
        database = postgres.database()
        url = runner.run(database.__aenter__())
        try:
            run_state_machine_as_test(lambda: Journals(runner, url), settings=few)  # type: ignore[arg-type]
        finally:
            runner.run(database.__aexit__(None, None, None))
