"""Memory and SQLite side by side with a dictionary: any history gives the same answers."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_eventlog.log import Appended, StreamAppend, VersionConflict
from interlock_runtime.sqlite import SqliteDatabase
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.samples import decision, failure, one

T = TypeVar("T")
AnyLog = MemoryEventLog | SqliteEventLog
STREAMS = ("config", "pool/a", "target/p/m")


class Logs(RuleBasedStateMachine):
    """The model is a list of (stream, version, id); `off` is how wrong an expected version is."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.clock = ManualClock()
        self.model: list[tuple[str, int | None, str]] = []
        self.batches: list[tuple[list[StreamAppend], Appended]] = []
        self.facts = 0
        self.memory = MemoryEventLog(self.clock)
        self.database: SqliteDatabase | None = None

    @initialize()
    def open(self) -> None:
        async def opened() -> None:
            self.database = SqliteDatabase(Path(self.folder.name) / "interlock.db")
            self.sqlite = SqliteEventLog(self.database, self.clock)

        self.runner.run(opened())

    def version(self, stream: str) -> int:
        return sum(known == stream and version is not None for known, version, _ in self.model)

    def both(self, call: Callable[[AnyLog], Coroutine[Any, Any, T]]) -> T:
        """The one answer of both logs."""
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

    @rule(stream=st.sampled_from(STREAMS), off=st.sampled_from([-1, 1, 5]), other=st.sampled_from(STREAMS))
    def append_wrongly(self, stream, off, other):
        actual = self.version(stream)
        appends = [one(stream, actual + off, decision("never"))]
        if other != stream:
            appends.insert(0, one(other, None, decision("never either")))
        answer = self.both(lambda log: log.append(appends))
        assert answer == VersionConflict(stream=stream, expected=actual + off, actual=actual)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def append_again(self, data):
        appends, first = data.draw(st.sampled_from(self.batches))
        again = self.both(lambda log: log.append(appends))
        assert again == Appended(position=first.position, versions=first.versions, repeated=True)

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

    @rule(by=st.integers(-500, 2000))
    def time_passes(self, by):
        self.clock.now_ms += by

    @precondition(lambda self: self.database is not None)
    @rule()
    def reopen(self):
        self.close()
        self.open()

    @rule(after=st.integers(0, 30), limit=st.integers(1, 10), stream=st.none() | st.sampled_from(STREAMS))
    def read_a_part(self, after, limit, stream):
        found = self.both(lambda log: log.read(after=after, limit=limit, stream=stream))
        wanted = [
            (position, name)
            for position, (known, _, name) in enumerate(self.model, start=1)
            if position > after and stream in {None, known}
        ]
        assert [(event.position, event.id) for event in found] == wanted[:limit]

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
