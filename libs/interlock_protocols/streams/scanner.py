"""One streamed answer, scanned while it passes: may it go out, is it whole, did it fail?

It owns what all client APIs share: framing, the preamble that is held, the commit, what goes out. What an
event means belongs to the scanner of each API. Rules:

- Every event is proved, before and after the commit, so errors and malformed events (C4, C5) are found
  without exception.
- Only whole events go out, in one piece for each chunk, and as received. An event that says nothing and
  breaks clients (no data, or empty data) is dropped; the event that fails the stream never goes out.
- An error in the same chunk as the first content fails the stream before the commit: nothing has gone
  out, so another target may still answer unseen.
- Signs of life (comments, pings) count as bytes that are held, not as events: an upstream that only keeps
  its connection alive has not begun to answer, and must not commit by it.
- Once the last event of its API has passed nothing more goes out.

One scanner with a table for each API was dropped: what is quick for one (a template of bytes) is no use for
another (a number that changes with each event), and the quick way is what the cost of a stream hangs on.
"""

from abc import abstractmethod
from collections.abc import Iterator
from enum import Enum
from typing import Any, ClassVar, Final

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Tokens, tokens_of
from interlock_protocols.errors import OwnError
from interlock_protocols.failures.failed_answer import FailedAnswer, broken
from interlock_protocols.streams.sse import BOM, BORDER, TEXT, EventCutter, Fields, read_fields
from interlock_protocols.streams.verdict import End, Verdict

MAX_EVENT: Final = 16 * 1024 * 1024
"""Bytes of one event that may wait for their border: a generated image in base64 is up to a few MiB."""

MANY_LINES: Final = 16_384
"""Lines of one event: JSON that is written over lines has a few hundred. Each costs a microsecond and some
sixty bytes, so an upstream could turn `MAX_EVENT` into seconds and gigabytes."""

LAST_EVENTS: Final = 3
"""A finish reason, usage and `[DONE]`: the end of a stream that came in one piece with its content."""


ALIKE: Final = 16
"""Bytes by which two events' ends are taken to be of one kind, for a guess: past two line ends, the closing
braces and a part of what stands before them."""


class Take(Enum):
    """What becomes of one event."""

    KEEP = 0
    DROP = 1
    LAST = 2
    STOP = 3


KEEP: Final = Take.KEEP
_HOLD: Final = Verdict.HOLD
_PASS: Final = Verdict.PASS


class EventScanner:
    """State of one stream. `feed` each chunk, write `out` when it is not empty; `end` once, at the end.

    `committed`: bytes may have gone out. `complete`: the answer is whole, its last event may be missing.
    `finished`: that one has passed. `thinking`: the model has said that it is at work, and shows nothing of
    it. `error` is set whenever the verdict or the end is a failure.
    """

    last_event: ClassVar[bytes] = b""
    """What may be appended to an answer that is whole but for it; nothing where that cannot be told."""

    __slots__ = (
        "_begun",
        "_cutter",
        "_held",
        "_held_bytes",
        "_hold_bytes",
        "_hold_events",
        "_over",
        "_usage",
        "committed",
        "complete",
        "error",
        "events",
        "finished",
        "model",
        "out",
        "saw_content",
        "saw_end",
        "thinking",
    )

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        self.out = b""
        self.committed = False
        self.finished = False
        self.complete = False
        self.saw_content = False
        self.saw_end = False
        self.thinking = False
        self.events = 0
        self.model: str | None = None
        self.error: FailedAnswer | None = None
        self._over: Verdict | None = None
        self._usage: Any = None
        self._begun = False
        self._cutter = EventCutter()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._hold_events = hold_events
        self._hold_bytes = hold_bytes

    @abstractmethod
    def _is_quiet(self, whole: bytes) -> bool:
        """Whether these events do no more than go on with content; if so they are counted."""

    @abstractmethod
    def _read(self, name: bytes, data: bytes) -> Take:
        """One event that says something: note content (`saw_content`), an end (`saw_end`), usage, failure."""

    @abstractmethod
    def in_band(self, error: OwnError) -> bytes:
        """The error that a client reads inside the stream after content; then the connection is aborted."""

    @property
    def usage(self) -> Tokens | None:
        """Prompt and completion tokens of the last usage object, if one came."""
        return tokens_of(self._usage)

    def feed(self, chunk: bytes) -> Verdict:
        """Judge the next bytes of the stream, cut anywhere."""
        if self._over is not None:
            self.out = b""
            return self._over
        cutter = self._cutter
        whole = chunk if not cutter.rest and chunk.endswith(b"\n\n") else cutter.cut(chunk)
        if not whole:
            return self._wait()
        if self.saw_content:
            if self._is_quiet(whole):
                self.out = whole
                return _PASS
        elif not self._begun:
            whole = self._begin(whole)
        return self._walk(whole)

    def commit(self) -> None:
        """Let go what is held, though it is no content yet: `out` has it. For a stream that only thinks."""
        self.committed = True
        self.out = b"".join(self._held)
        self._held.clear()

    def _begin(self, whole: bytes) -> bytes:
        self._begun = True
        return whole.removeprefix(BOM)

    def _wait(self) -> Verdict:
        self.out = b""
        if len(self._cutter.rest) > MAX_EVENT:
            return self._fail(Verdict.MALFORMED, self._malformed("an event without end"))
        return _PASS if self.committed else _HOLD

    def end(self) -> End:
        """Judge the stream as a whole once no more bytes will come; `out` may hold a last event."""
        self.out = b""
        rest = self._cutter.take()
        if self._over is None and rest.strip():
            self._last_words(rest)
        if self.error is None and self.finished:
            return End.COMPLETE
        if self.error is None and self.complete:
            return End.MISSING_DONE
        code, message = ("truncated", "the stream ended before its answer did")
        if not self.events:
            code, message = ("empty_stream", "the stream ended without one event")
        self.error = self.error or broken(FailureClass.TRUNCATED, code, message)
        return End.TRUNCATED if self.events else End.EMPTY

    def _last_words(self, rest: bytes) -> None:
        """An event whose blank line is missing counts when it can be read; else it was cut off."""
        before = self.error
        if not self._begun:
            rest = self._begin(rest)
        verdict = self._walk(rest.rstrip(b"\r\n") + b"\n\n")
        if verdict is Verdict.MALFORMED:
            self.error, self._over = before, None

    def _walk(self, whole: bytes) -> Verdict:
        """Take the events one by one, except where a look at many of them shows that nothing happens."""
        dropped: list[tuple[int, int]] = []
        end, take = 0, KEEP
        if not self.saw_content:
            end, take = self._take(whole, 0, dropped)
        if take is KEEP and end < len(whole):
            end, take = self._take(whole, self._skim(whole, end), dropped)
        if take is Take.STOP:
            return self._stop(_without(whole[:end], dropped))
        return self._pass_on(whole if end == len(whole) and not dropped else _without(whole[:end], dropped))

    def _take(self, whole: bytes, begin: int, dropped: list[tuple[int, int]]) -> tuple[int, Take]:
        """Take events until one ends the stream, well or badly, or is the first content: where, and which."""
        waiting = not self.saw_content
        for start, end, piece in _pieces(whole, begin):
            take = self._event(piece)
            if take is Take.STOP:
                return start, take
            if take is Take.DROP:
                dropped.append((start, end))
            elif take is Take.LAST or (waiting and self.saw_content):
                return end, take
        return len(whole), KEEP

    def _skim(self, whole: bytes, start: int) -> int:
        """Where the events stop that only go on with content; what ends a stream stands in its last ones."""
        end = len(whole)
        # A piece that ends as its first content does seldom ends the stream: all of it is proved at once.
        if start and whole.endswith(whole[max(0, start - ALIKE) : start]) and self._is_quiet(whole[start:]):
            return end
        for _ in range(LAST_EVENTS):
            border = whole.rfind(b"\n\n", start, end - 2)
            if border < 0:
                return start
            end = border + 2
        return end if self._is_quiet(whole[start:end]) else start

    def _pass_on(self, out: bytes) -> Verdict:
        if self.committed:
            self.out = out
            return _PASS
        alone = not self._held
        if out:
            self._held.append(out)
            self._held_bytes += len(out)
        enough = self.saw_content or self.saw_end
        if not enough and self.events <= self._hold_events and self._held_bytes <= self._hold_bytes:
            self.out = b""
            return _HOLD
        self.committed = True
        self.out = out if alone else b"".join(self._held)
        self._held.clear()
        return Verdict.COMMIT

    def _stop(self, out: bytes) -> Verdict:
        """The stream failed: what stood before may go out, but only behind what has gone out already."""
        self._held.clear()
        self.out = out if self.committed else b""
        return self._over or Verdict.ERROR

    def _event(self, piece: bytes) -> Take:
        # `find`: bytes `in` bytes first takes the needle for a number, and raises.
        if piece.startswith(b"data: {") and piece.find(b"\n") < 0 and piece.find(b"\r") < 0:
            self.events += 1
            return self._read(b"", piece[6:])
        if len(piece) > MANY_LINES and piece.count(b"\n") + piece.count(b"\r") > MANY_LINES:
            return self._shredded()
        fields: Fields = read_fields(piece)
        if not fields.data and fields.name != b"error":
            return KEEP if fields.silent else Take.DROP
        self.events += 1
        return self._read(fields.name, fields.data or b"")

    def _shredded(self) -> Take:
        self.events += 1
        self._fail(Verdict.MALFORMED, self._malformed("an event of too many lines"))
        return Take.STOP

    def _fail(self, verdict: Verdict, error: FailedAnswer) -> Verdict:
        self._over = verdict
        self.error = error
        return verdict

    @staticmethod
    def _malformed(message: str) -> FailedAnswer:
        return broken(FailureClass.MALFORMED, "malformed_event", message)


def _pieces(whole: bytes, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Each event from `start` on, with the blank lines before it: where it begins, where the next one does,
    and its bytes without those."""
    size, plain = len(whole), b"\r" not in whole
    while start < size:
        text = TEXT.search(whole, start)
        begin = size if text is None else text.start()
        if plain:
            end = whole.find(b"\n\n", begin) + 2
        else:
            border = BORDER.search(whole, begin)
            end = 1 if border is None else border.end()
        if end == 1:  # a line end too many behind the last event, if anything
            end = size
        yield start, end, whole[begin:end].rstrip(b"\r\n")
        start = end


def _without(out: bytes, dropped: list[tuple[int, int]]) -> bytes:
    """The bytes less the dropped events, which are in order."""
    if not dropped:
        return out
    kept, last = [], 0
    for start, end in dropped:
        kept.append(out[last:start])
        last = end
    kept.append(out[last:])
    return b"".join(kept)
