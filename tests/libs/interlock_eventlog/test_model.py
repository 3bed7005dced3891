"""Memory and SQLite side by side with a dictionary: any history gives the same answers."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_eventlog.log import Appended
from interlock_runtime.sqlite import SqliteDatabase
from interlock_testing.contracts.samples import decision, failure, one
from tests.libs.interlock_eventlog.twins import STREAMS, T, Twins

AnyLog = MemoryEventLog | SqliteEventLog


class Logs(Twins[AnyLog]):
    """Appends, facts, and a SQLite file that is closed and opened again."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.facts = 0
        self.memory = MemoryEventLog(self.clock)
        self.database: SqliteDatabase | None = None

    @initialize()
    def open(self) -> None:
        async def opened() -> None:
            self.database = SqliteDatabase(Path(self.folder.name) / "interlock.db")
            self.sqlite = SqliteEventLog(self.database, self.clock)

        self.runner.run(opened())

    def both(self, call: Callable[[AnyLog], Coroutine[Any, Any, T]]) -> T:
        memory, sqlite = self.runner.run(call(self.memory)), self.runner.run(call(self.sqlite))
        assert memory == sqlite
        return memory

    @rule(chosen=st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(1, 3)), min_size=1, max_size=3))
    def append_rightly(self, chosen):
        chosen = list(dict(chosen).items())
        number = len(self.batches)
        expected = {stream: self.version(stream) for stream, _ in chosen}
        appends = [
            one(stream, expected[stream], *(decision(f"{number}-{stream}-{n}") for n in range(size)))
            for stream, size in chosen
        ]
        for stream, size in chosen:
            for n in range(size):
                self.model.append((stream, expected[stream] + n + 1, f"{number}-{stream}-{n}"))
        versions = {stream: expected[stream] + size for stream, size in chosen}
        answer = self.both(lambda log: log.append(appends))
        assert answer == Appended(position=len(self.model), versions=versions)
        self.batches.append((appends, answer))

    @rule(size=st.integers(1, 4))
    def publish(self, size):
        new = [failure(self.facts + n) for n in range(size)]
        self.facts += size
        self.model += [("gateway/g1", None, fact.id) for fact in new]
        assert self.both(lambda log: log.publish("gateway/g1", new)) == len(self.model)

    @precondition(lambda self: self.facts)
    @rule(data=st.data(), fresh=st.integers(0, 2))
    def publish_again(self, data, fresh):
        first = data.draw(st.integers(0, self.facts - 1))
        facts = [failure(n) for n in range(first, self.facts + fresh)]
        self.model += [("gateway/g1", None, fact.id) for fact in facts[self.facts - first :]]
        self.facts += fresh
        last = next(n for n, (_, _, known) in enumerate(self.model, start=1) if known == facts[-1].id)
        assert self.both(lambda log: log.publish("gateway/g1", facts)) == last

    @precondition(lambda self: self.database is not None)
    @rule()
    def reopen(self):
        self.close()
        self.open()

    @rule(moment=st.integers(990_000, 1_010_000))
    def ask_for_a_moment(self, moment):
        self.both(lambda log: log.position_at(moment))

    @invariant()
    def both_hold_the_model(self):
        if self.database is None:
            return
        events = self.both(lambda log: log.read(after=0, limit=10_000))
        assert [(event.stream, event.version, event.id) for event in events] == self.model
        assert [event.position for event in events] == list(range(1, len(self.model) + 1))
        assert self.both(lambda log: log.head()) == len(self.model)

    def close(self) -> None:
        if self.database is not None:
            self.runner.run(self.database.close())

    def teardown(self) -> None:
        self.close()
        self.runner.close()
        self.folder.cleanup()


TestLogs = Logs.TestCase
TestLogs.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
