"""One stream judged event by event: the rules that all client APIs share (requirements C1, C4 and C5).

Rule: everything is recomputed from the events seen so far; what an event means is asked of the API's own
reading (`chat`, `messages`, `responses`). Holding: nothing goes out before content, an end, or too much
preamble; a failure in the same chunk hides that content. Nothing goes out behind the last event.
"""

from abc import abstractmethod
from enum import Enum
from typing import Final

from interlock_domain.words import FailureClass
from interlock_protocols.streams.verdict import End, Verdict
from tests.reference.framing import Framed, Framing

MAX_WAITING: Final = 16 * 1024 * 1024
"""An event may be so long before its end has to come."""

MOST_LINES: Final = 16_384

Tokens = tuple[int | None, int | None]


class Does(Enum):
    """What one event does to its stream."""

    PASSES = 1
    IS_DROPPED = 2
    ENDS = 3


class Fails(Exception):
    """The event fails its stream."""

    def __init__(self, verdict: Verdict, failure: FailureClass | None = FailureClass.MALFORMED) -> None:
        super().__init__(verdict, failure)
        self.verdict = verdict
        self.failure = failure


class PlainScanner:
    """The state of one stream; the names are those of `EventScanner`."""

    done: bytes = b""
    """What is appended behind the last event, where the API demands more than was sent."""

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        self.out = b""
        self.committed = self.finished = self.complete = self.saw_content = self.saw_end = False
        self.events = 0
        self.failed = False
        self.failure: FailureClass | None = None
        """Why it failed; None also where the failure is one that this reference does not class."""
        self.usage: Tokens | None = None
        self._over: Verdict | None = None
        self._framing = Framing()
        self._held = b""
        self._free_events = hold_events
        self._free_bytes = hold_bytes

    @property
    def verdict(self) -> Verdict | None:
        """The one that every further chunk gets; None: the stream goes on."""
        return self._over

    @abstractmethod
    def read(self, name: bytes, data: bytes) -> Does:
        """What an event with data, or of the name `error`, does. Raises Fails."""

    def feed(self, chunk: bytes) -> Verdict:
        """The verdict on a chunk; `out` is what goes out with it."""
        self.out = b""
        if self._over is not None:
            return self._over
        events = self._framing.feed(chunk)
        if not events and len(self._framing.waiting) > MAX_WAITING:
            return self._fail(Fails(Verdict.MALFORMED))
        return self._judge(events)

    def end(self) -> End:
        """What the stream was worth when it ended here."""
        self.out = b""
        last = self._framing.rest()
        if self._over is None and last is not None:
            self._last_words(last)
        if not self.failed and self.finished:
            return End.COMPLETE
        if not self.failed and self.complete:
            return End.MISSING_DONE
        if not self.failed:
            self.failure = FailureClass.TRUNCATED
        return End.TRUNCATED if self.events else End.EMPTY

    def _last_words(self, last: Framed) -> None:
        """An event without its blank line counts if it can be read; else it was cut, and says nothing."""
        verdict = self._judge([last])
        if verdict is Verdict.MALFORMED:
            self.failed, self.failure, self._over = False, None, None

    def _judge(self, events: list[Framed]) -> Verdict:
        passed = b""
        committed = self.committed
        try:
            for event in events:
                does = self._one(event)
                if does is not Does.IS_DROPPED:
                    passed += event.raw
                elif event.data:
                    self._free_events += 1
                if does is Does.ENDS:
                    passed += self.done
                    self._over = Verdict.PASS
                    break
        except Fails as fails:
            self.out = passed if committed else b""
            return self._fail(fails)
        if committed:
            self.out = passed
            return Verdict.PASS
        self._held += passed
        if not (self.saw_content or self.saw_end or self._held_too_much()):
            return Verdict.HOLD
        self.committed = True
        self.out = self._held
        return Verdict.COMMIT

    def _held_too_much(self) -> bool:
        return self.events > self._free_events or len(self._held) > self._free_bytes

    def _one(self, event: Framed) -> Does:
        if not event.data and event.name != b"error":
            return Does.PASSES if event.comment else Does.IS_DROPPED
        self.events += 1
        if event.raw.count(b"\n") + event.raw.count(b"\r") > MOST_LINES:
            raise Fails(Verdict.MALFORMED)
        return self.read(event.name, event.data or b"")

    def _fail(self, fails: Fails) -> Verdict:
        self.failed, self.failure = True, fails.failure
        self._over = fails.verdict
        return fails.verdict
