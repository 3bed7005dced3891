"""A streamed Anthropic answer: what commits it, what ends it, what fails it.

Rule: the first content, or a stop reason, commits; a stop reason makes the answer whole; `message_stop` is
last. The scanner is strict where the anthropic client is lenient to its harm, each case measured with 2.12:

- That client drops events without a name or named `ping`. One that is part of a message would be missing in
  a message that looks whole: malformed. So is a name that its type contradicts: some clients go by the one,
  some by the other.
- A second `message_start` puts the texts of two answers into one block: malformed. So is a part before the
  first one, or without the object that clients read in it: they break on it.
- `message_stop` without a stop reason is what a proxy writes whose own upstream was cut: truncated.
- An error is one by its name, its type, or an `error` at its root; clients would drop all but the first.

Passing on whatever the client takes was dropped: it takes nearly all of these as success.
"""

from typing import Any, Final

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Tokens
from interlock_protocols.errors import OwnError
from interlock_protocols.failures.classify import classify_in_band
from interlock_protocols.failures.failed_answer import FailedAnswer, broken
from interlock_protocols.messages.answer import COUNTS, message_tokens
from interlock_protocols.messages.errors import in_band_error
from interlock_protocols.messages.events import (
    NAMES,
    PAYLOADS,
    block_has_content,
    delta_has_content,
    quiet_events,
    still_deltas,
)
from interlock_protocols.splice.text import NotJson, read_json
from interlock_protocols.streams.scanner import KEEP, EventScanner, Take
from interlock_protocols.streams.sse import DONE
from interlock_protocols.streams.verdict import Verdict

_PASS: Final = Verdict.PASS
PING: Final = b"ping"


class MessagesScanner(EventScanner):
    """`complete`: a stop reason came and no content after it; `finished`: `message_stop` has passed."""

    last_event = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    __slots__ = ("_started",)

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=hold_events, hold_bytes=hold_bytes)
        self._started = False

    @property
    def usage(self) -> Tokens | None:
        """Input side of `message_start`, output side of the last `message_delta`, which may correct both."""
        return message_tokens(self._usage)

    def in_band(self, error: OwnError) -> bytes:
        """An event of the name `error`."""
        return in_band_error(error)

    def _is_quiet(self, whole: bytes) -> bool:
        """Whether these events do no more than go on with content; if so they are counted."""
        if self.complete:  # more content would make the answer incomplete again
            return False
        found = still_deltas(whole) or quiet_events(whole)
        self.events += found
        return found > 0

    def _read(self, name: bytes, data: bytes) -> Take:
        try:
            value = read_json(data)
        except NotJson:
            return self._no_json(name, data)
        if name == b"error":
            return self._stopped(classify_in_band(value))
        if type(value) is not dict:
            return self._broken("an event that is no object")
        kind = value.get("type")
        if kind == "error" or value.get("error"):
            return self._stopped(classify_in_band(value))
        if type(kind) is not str or kind not in PAYLOADS:
            return self._broken("an event without its type") if name in NAMES else self._stranger(name, kind)
        if name != kind.encode():
            return self._broken(f"{kind} under another name, or none")
        return self._part(kind, value)

    def _stranger(self, name: bytes, kind: Any) -> Take:
        """An event that is no part of the message: a ping, or one that is new."""
        if name == PING or kind == "ping":
            self._hold_events += 1
        return KEEP

    def _part(self, kind: str, value: dict[str, Any]) -> Take:
        """One part of the message: `kind` is one of `PAYLOADS`."""
        if self._started is (kind == "message_start"):
            return self._broken(f"{kind} out of order")
        payload = PAYLOADS[kind]
        part = {} if payload is None else value.get(payload)
        if type(part) is not dict:
            return self._broken(f"{kind} without its {payload}")
        if kind == "message_stop":
            return self._finish()
        self._note(kind, part, value)
        return KEEP

    def _note(self, kind: str, part: dict[str, Any], value: dict[str, Any]) -> None:
        if kind == "content_block_delta":
            self._content(found=delta_has_content(part))
        elif kind == "content_block_start":
            self.thinking = self.thinking or part.get("type") == "thinking"
            self._content(found=block_has_content(part))
        elif kind == "message_start":
            self._start(part)
        elif kind == "message_delta":
            self._count(value.get("usage"))
            if part.get("stop_reason"):
                self.saw_end = self.complete = True

    def _start(self, message: dict[str, Any]) -> None:
        self._started = True
        model = message.get("model")
        self.model = model if type(model) is str else None
        self._count(message.get("usage"))

    def _content(self, *, found: bool) -> None:
        self.complete = False
        self.saw_content = self.saw_content or found

    def _count(self, usage: Any) -> None:
        """Numbers are totals, so the later ones count; those that are left out stand as they were."""
        if type(usage) is dict:
            told = {key: value for key in COUNTS if (value := usage.get(key)) is not None}
            self._usage = {**(self._usage or {}), **told}

    def _finish(self) -> Take:
        if not self.saw_end:
            message = "message_stop came without a stop reason"
            return self._stopped(broken(FailureClass.TRUNCATED, "stop_without_reason", message))
        self.finished = True
        self._over = _PASS
        return Take.LAST

    def _no_json(self, name: bytes, data: bytes) -> Take:
        if name == b"error":
            return self._stopped(classify_in_band(data.decode(errors="replace")))
        if not name and data.startswith(DONE):
            self._hold_events += 1
            return Take.DROP  # proxies that end every stream as the chat API does; this API has another end
        return self._broken("an event that is no JSON")

    def _stopped(self, error: FailedAnswer) -> Take:
        self._fail(Verdict.ERROR, error)
        return Take.STOP

    def _broken(self, message: str) -> Take:
        self._fail(Verdict.MALFORMED, self._malformed(message))
        return Take.STOP
