"""A streamed response: what commits it, what ends it, what fails it.

Rule: the first delta, or a finished item, commits; `response.completed` or `response.incomplete` is the end
of the answer, and the stream is over with it. `[DONE]` then follows at once, whether the upstream sends it
or not: Open Responses demands it, OpenAI leaves it out, and clients take both (measured). Waiting for the
upstream to send it, or to close, was dropped: some keep the connection alive with pings behind the end
(diegosouzapw/OmniRoute#11384), and Codex hangs up at the end, which would be recorded as its abort. See
`scanner` for what is held and passed on.
"""

from typing import Final

import orjson

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Tokens
from interlock_protocols.errors import OwnError, error_object
from interlock_protocols.failures.classify import classify_in_band
from interlock_protocols.failures.failed_answer import broken
from interlock_protocols.responses.answer import FAILED, response_tokens
from interlock_protocols.responses.event import (
    ENDS,
    FAILURES,
    SIGNS_OF_LIFE,
    Event,
    Response,
    failure_of,
    is_content,
    quiet_events,
    read_event,
)
from interlock_protocols.streams.scanner import KEEP, EventScanner, Take
from interlock_protocols.streams.sse import DONE, DONE_EVENT
from interlock_protocols.streams.verdict import Verdict

_DEFAULT_NAME: Final = b"message"
"""What an event stream calls an event without a name (HTML standard, 9.2.6)."""

ECHOES: Final = 16
"""How many times over the hold may be filled by what responses repeat of their request: instructions and the
schemas of tools, in each of three events, 100 KB with a coding agent. They say nothing yet, and to commit by
them would forgo the failover; the exchange holds the request all the while, so memory has a bound already."""


class ResponsesScanner(EventScanner):
    """`complete` and `finished` are one here: the end of the answer has passed."""

    __slots__ = ("_most_held", "_number", "_response_id")

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=hold_events, hold_bytes=hold_bytes)
        self._most_held = hold_bytes * ECHOES
        self._number: int | None = None
        self._response_id: str | None = None

    @property
    def usage(self) -> Tokens | None:
        """Input and output tokens of the last usage object, if one came."""
        return response_tokens(self._usage)

    def told_up_to(self, number: int | None) -> None:
        """The number of the last event a client read, where another target's events came after this one's."""
        self._number = self._number if number is None else number

    def in_band(self, error: OwnError) -> bytes:
        """A `response.failed`, which Codex acts on, with the error at its root too.

        The openai client raises for that one only: to it `response.failed` is one more event, and a `[DONE]`
        behind it a good end (measured).
        """
        told = error_object(error)
        failed = {
            "type": "response.failed",
            "sequence_number": self.events if self._number is None else self._number + 1,
            "response": {
                "id": self._response_id,
                "object": "response",
                "status": FAILED,
                "model": self.model,
                "output": [],
                "error": {"code": told["code"] or error.code, "message": told["message"]},
                "incomplete_details": None,
                "usage": None,
            },
            "error": told,
        }
        return b"event: response.failed\ndata: " + orjson.dumps(failed) + b"\n\n" + DONE_EVENT

    def _is_quiet(self, whole: bytes) -> bool:
        """Whether these events do no more than go on with content; if so they are counted."""
        events = quiet_events(whole)
        if events is None:
            return False
        self.events += len(events)
        for event in reversed(events):
            if event.number is not None:
                self._number = event.number
                break
        return True

    def _read(self, name: bytes, data: bytes) -> Take:
        event = read_event(data)
        if event is None:
            return self._no_event(name, data)
        if name == b"error" or _reports_failure(event):
            self._fail(Verdict.ERROR, classify_in_band(failure_of(data)))
            return Take.STOP
        if name == _DEFAULT_NAME:
            name = b""
        kind = event.type
        if kind is None and name and not name.startswith(b"response."):
            self._hold_events += 1
            return Take.DROP  # a vendor's sign of life; a client would look for its type in vain
        if kind is None or (name and name != kind.encode()):
            self._fail(Verdict.MALFORMED, self._malformed("an event whose name and type differ"))
            return Take.STOP
        if not self.committed:
            self._hold_more(kind, event, len(data))
        return self._event_of(kind, event)

    def _hold_more(self, kind: str, event: Event, size: int) -> None:
        """What an event in the preamble does to the limits of the hold: it may not fill them."""
        if event.response is not None:
            self._hold_bytes = min(self._hold_bytes + size, self._most_held)
        elif kind in SIGNS_OF_LIFE:
            self._hold_events += 1
        elif event.item is not None and event.item.type == "reasoning":
            self.thinking = True

    def _event_of(self, kind: str, event: Event) -> Take:
        if event.number is not None:
            self._number = event.number
        if event.response is not None:
            self._note(event.response)
        if kind in ENDS:
            self.saw_end = self.complete = self.finished = True
            self._over = Verdict.PASS
            return Take.LAST
        if not self.saw_content:
            self.saw_content = is_content(kind)
        return KEEP

    def _note(self, response: Response) -> None:
        self._response_id = self._response_id or response.id
        self.model = self.model or response.model
        if response.usage is not None:
            self._usage = response.usage

    def _no_event(self, name: bytes, data: bytes) -> Take:
        if name == b"error":
            self._fail(Verdict.ERROR, classify_in_band(data.decode(errors="replace")))
        elif data.startswith(DONE):
            # Codex would call this a cut of ours; clients that only read texts would take it for success.
            truncated = broken(
                FailureClass.TRUNCATED, "done_without_end", "the stream ended before its answer did"
            )
            self._fail(Verdict.ERROR, truncated)
        else:
            self._fail(Verdict.MALFORMED, self._malformed("an event that is no JSON object"))
        return Take.STOP

    def _pass_on(self, out: bytes) -> Verdict:
        return super()._pass_on(out + DONE_EVENT if self.finished else out)


def _reports_failure(event: Event) -> bool:
    """Whether an event says that there will be no answer, in any of the places where vendors say so."""
    if event.error or event.type in FAILURES:
        return True
    response = event.response
    return response is not None and bool(response.error or response.status == FAILED)
