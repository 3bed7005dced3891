"""One streamed chat answer, scanned while it passes: may it go out, is it whole, did it fail?

It owns the verdict on each chunk. Before the commit it holds the preamble (role deltas, empty deltas,
comments); the first content, or a finish reason, commits. Rules:

- Every event is proved, before and after the commit, so errors and malformed events (C4, C5) are found
  without exception; see `chat_template` and `chat_chunk` for why that is affordable.
- Only whole events go out, in one piece for each chunk, and as received. An event that says nothing and
  breaks clients (no data, or empty data) is dropped; the event that fails the stream never goes out.
- An error in the same chunk as the first content fails the stream before the commit: nothing has gone
  out, so another target may still answer unseen.
- Once `[DONE]` has passed nothing more goes out.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import orjson

from interlock_domain.words import FailureClass
from interlock_protocols.chat_chunk import has_content, quiet_chunks, still_chunks
from interlock_protocols.chat_template import ContentTemplate
from interlock_protocols.classify import classify_in_band
from interlock_protocols.failed_answer import FailedAnswer, broken
from interlock_protocols.sse import BOM, DONE, EventCutter, read_fields, split_events
from interlock_protocols.unary import Tokens, tokens_of
from interlock_protocols.verdict import End, Verdict

__all__ = ["ChatScanner", "End", "Verdict"]

MAX_EVENT: Final = 16 * 1024 * 1024
"""Bytes of one event that may wait for their border: a generated image in base64 is up to a few MiB."""

LAST_EVENTS: Final = 3
"""A finish reason, usage and `[DONE]`: the end of a stream that came in one piece with its content."""


class _Take(Enum):
    """What becomes of one event."""

    KEEP = 0
    DROP = 1
    LAST = 2
    STOP = 3


_KEEP: Final = _Take.KEEP
_HOLD: Final = Verdict.HOLD
_PASS: Final = Verdict.PASS


class ChatScanner:
    """State of one stream. `feed` each chunk, write `out` when it is not empty; `end` once, at the end.

    `committed`: bytes may have gone out. `finished`: `[DONE]` has passed. `complete`: every choice seen so
    far has its finish reason. `error` is set whenever the verdict or the end is a failure.
    """

    __slots__ = (
        "_cutter",
        "_finished_choices",
        "_held",
        "_held_bytes",
        "_hold_bytes",
        "_hold_events",
        "_open_choices",
        "_over",
        "_template",
        "_usage",
        "committed",
        "complete",
        "error",
        "events",
        "finished",
        "model",
        "out",
        "saw_content",
    )

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        self.out = b""
        self.committed = False
        self.finished = False
        self.complete = False
        self.saw_content = False
        self.events = 0
        self.model: str | None = None
        self.error: FailedAnswer | None = None
        self._over: Verdict | None = None
        self._usage: Any = None
        self._template: ContentTemplate | None = None
        self._cutter = EventCutter()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._hold_events = hold_events
        self._hold_bytes = hold_bytes
        self._open_choices: set[int] = set()
        self._finished_choices: set[int] = set()

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
        if self.saw_content:
            if self._is_quiet(whole):
                self.out = whole
                return _PASS
        elif not self.events and not self._held:
            whole = whole.removeprefix(BOM)
        return self._walk(whole) if whole else self._wait()

    def _is_quiet(self, whole: bytes) -> bool:
        """Whether these events do no more than go on with content; if so they are counted."""
        if 0 in self._open_choices and (still := self._still(whole)):
            self.events += still
            return True
        chunks = quiet_chunks(whole)
        if chunks is None:
            return False
        for chunk in chunks:
            if chunk.error:
                return False
            for choice in chunk.choices:
                if choice.finish_reason or choice.error or choice.index not in self._open_choices:
                    return False
            if chunk.usage is not None:
                self._usage = chunk.usage
        self.events += len(chunks)
        return True

    def _still(self, whole: bytes) -> int:
        """How many chunks of content for choice 0 these are, when they are nothing else; else 0."""
        template = self._template
        if template is not None and (found := template.count(whole)):
            return found
        found = still_chunks(whole)
        if found:  # their form is new: the next ones will look like the last of them
            self._template = ContentTemplate.learn(whole)
        return found

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
        verdict = self._walk(rest.rstrip(b"\r\n") + b"\n\n")
        if verdict is Verdict.MALFORMED:
            self.error, self._over = before, None

    def _walk(self, whole: bytes) -> Verdict:
        """Take the events one by one, except where a look at many of them shows that nothing happens."""
        dropped: list[tuple[int, int]] = []
        end, take = 0, _KEEP
        if not self.saw_content:
            end, take = self._take(whole, 0, dropped)
        if take is _KEEP and end < len(whole):
            end, take = self._take(whole, self._skim(whole, end), dropped)
        if take is _Take.STOP:
            return self._stop(_without(whole[:end], dropped))
        return self._pass_on(whole if end == len(whole) and not dropped else _without(whole[:end], dropped))

    def _take(self, whole: bytes, begin: int, dropped: list[tuple[int, int]]) -> tuple[int, _Take]:
        """Take events until one ends the stream, well or badly, or is the first content: where, and which."""
        waiting = not self.saw_content
        for start, end, piece in _pieces(whole, begin):
            take = self._event(piece)
            if take is _Take.STOP:
                return start, take
            if take is _Take.DROP:
                dropped.append((start, end))
            elif take is _Take.LAST or (waiting and self.saw_content):
                return end, take
        return len(whole), _KEEP

    def _skim(self, whole: bytes, start: int) -> int:
        """Where the events stop that only go on with content; what ends a stream stands in its last ones."""
        end = len(whole)
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
        self._held.append(out)
        self._held_bytes += len(out)
        enough = self.saw_content or self._finished_choices
        if not enough and self.events <= self._hold_events and self._held_bytes <= self._hold_bytes:
            self.out = b""
            return _HOLD
        self.committed = True
        self.out = out if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        return Verdict.COMMIT

    def _stop(self, out: bytes) -> Verdict:
        """The stream failed: what stood before may go out, but only behind what has gone out already."""
        self._held.clear()
        self.out = out if self.committed else b""
        return self._over or Verdict.ERROR

    def _event(self, piece: bytes) -> _Take:
        if piece.startswith(b"data: {") and b"\n" not in piece and b"\r" not in piece:
            data = piece[6:]
            name = b""
        else:
            fields = read_fields(piece)
            name = fields.name
            if not fields.data and name != b"error":
                return _KEEP if fields.silent else _Take.DROP
            data = fields.data or b""
        self.events += 1
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            return self._no_json(name, data)
        if name == b"error" or type(value) is not dict or value.get("error"):
            return self._no_chunk(name, value)
        return self._chunk(value)

    def _chunk(self, value: dict[str, Any]) -> _Take:
        usage = value.get("usage")
        if usage is not None:
            self._usage = usage
        if self.model is None:
            model = value.get("model")
            self.model = model if type(model) is str else None
        choices = value.get("choices")
        if type(choices) is list:
            for choice in choices:
                if type(choice) is dict and not self._choice(choice):
                    return _Take.STOP
        return _KEEP

    def _choice(self, choice: dict[str, Any]) -> bool:
        """Note content and finish reason; False when the choice reports an error (OpenRouter does)."""
        if not self.saw_content:
            self.saw_content = has_content(choice.get("delta"))
        reason = choice.get("finish_reason")
        if reason == "error" or choice.get("error"):
            self._fail(Verdict.ERROR, classify_in_band(choice.get("error") or choice))
            return False
        index = choice.get("index")
        if type(index) is not int:
            index = 0
        if not reason:
            if index not in self._open_choices and index not in self._finished_choices:
                self._open_choices.add(index)
                self.complete = False
            return True
        self._finished_choices.add(index)
        self._open_choices.discard(index)
        self.complete = not self._open_choices
        return True

    def _no_json(self, name: bytes, data: bytes) -> _Take:
        if name == b"error":
            self._fail(Verdict.ERROR, classify_in_band(data.decode(errors="replace")))
            return _Take.STOP
        if not data.startswith(DONE):
            self._fail(Verdict.MALFORMED, self._malformed("an event that is no JSON"))
            return _Take.STOP
        if not self.saw_content and not self._finished_choices:
            # A client that meets this loops: neither an answer nor an error, again and again.
            truncated = broken(
                FailureClass.TRUNCATED, "done_without_answer", "the stream ended without an answer"
            )
            self._fail(Verdict.ERROR, truncated)
            return _Take.STOP
        self.finished = True
        self._over = _PASS
        return _Take.LAST

    def _no_chunk(self, name: bytes, value: Any) -> _Take:
        if name == b"error" or type(value) is dict:
            self._fail(Verdict.ERROR, classify_in_band(value))
        else:
            self._fail(Verdict.MALFORMED, self._malformed("an event that is no object"))
        return _Take.STOP

    def _fail(self, verdict: Verdict, error: FailedAnswer) -> Verdict:
        self._over = verdict
        self.error = error
        return verdict

    @staticmethod
    def _malformed(message: str) -> FailedAnswer:
        return broken(FailureClass.MALFORMED, "malformed_event", message)


def _pieces(whole: bytes, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Each event from `start` on: where it begins, where the next one does, and its bytes."""
    if b"\r" in whole:
        for piece in split_events(whole[start:]):
            yield start, start + len(piece), piece
            start += len(piece)
        return
    while start < len(whole):
        border = whole.find(b"\n\n", start)
        end = border + 2 if border >= 0 else len(whole)  # a line end too many behind the last event
        yield start, end, whole[start:end].rstrip(b"\n")
        start = end


def _without(out: bytes, dropped: list[tuple[int, int]]) -> bytes:
    """The bytes less the dropped events, which are in order."""
    for start, end in reversed(dropped):
        out = out[:start] + out[end:]
    return out
