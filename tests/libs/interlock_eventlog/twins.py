"""What stateful tests of two stores side by side share: streams with versions, appends that fail or repeat.

Each rule asks both stores and compares their one answer with the model, a list of (stream, version, id) in
the order of positions.
"""

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from interlock_eventlog.journal import Journal
from interlock_eventlog.log import Appended, EventLog, StreamAppend, VersionConflict
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.samples import decision, one

T = TypeVar("T")
Store = TypeVar("Store", bound=Journal | EventLog)
STREAMS = ("config", "pool/a", "target/p/m")


class Twins(RuleBasedStateMachine, Generic[Store]):
    """`off` is how wrong an expected version is. A fact has no version in the model."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.model: list[tuple[str, int | None, str]] = []
        self.batches: list[tuple[list[StreamAppend], Appended]] = []

    @abstractmethod
    def both(self, call: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """The one answer of both stores."""

    def version(self, stream: str) -> int:
        return sum(known == stream and version is not None for known, version, _ in self.model)

    @rule(stream=st.sampled_from(STREAMS), off=st.sampled_from([-1, 1, 5]), other=st.sampled_from(STREAMS))
    def append_wrongly(self, stream, off, other):
        actual = self.version(stream)
        appends = [one(stream, actual + off, decision("never"))]
        if other != stream:
            appends.insert(0, one(other, None, decision("never either")))
        answer = self.both(lambda store: store.append(appends))
        assert answer == VersionConflict(stream=stream, expected=actual + off, actual=actual)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def append_again(self, data):
        appends, first = data.draw(st.sampled_from(self.batches))
        again = self.both(lambda store: store.append(appends))
        assert again == Appended(position=first.position, versions=first.versions, repeated=True)

    @rule(by=st.integers(-500, 2000))
    def time_passes(self, by):
        self.clock.now_ms += by

    @rule(after=st.integers(0, 30), limit=st.integers(1, 10), stream=st.none() | st.sampled_from(STREAMS))
    def read_a_part(self, after, limit, stream):
        found = self.both(lambda store: store.read(after=after, limit=limit, stream=stream))
        wanted = [
            (position, name)
            for position, (known, _, name) in enumerate(self.model, start=1)
            if position > after and stream in {None, known}
        ]
        assert [(event.position, event.id) for event in found] == wanted[:limit]
