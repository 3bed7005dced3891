"""The Responses API, read by OpenAI's reference, by Open Responses and by what vendors send.

A response ends with `response.completed` or `response.incomplete`, and `[DONE]` follows at once (Open
Responses); a `[DONE]` before that is a cut. A failure is an `error` at any place where vendors put one, a
`response.failed`, or a response whose status says so. An event's name is its type, or it has none.
"""

from typing import Any, Final

from interlock_domain.words import FailureClass
from interlock_protocols.streams.verdict import Verdict
from tests.reference.chat import count
from tests.reference.failures import class_of
from tests.reference.judge import Does, Fails, PlainScanner
from tests.reference.plain_json import Unreadable, plain_json

ENDS: Final = ("response.completed", "response.incomplete")
CONTENT: Final = ("response.output_item.done", "response.image_generation_call.partial_image")
ECHOES: Final = 16
"""What a response repeats of its request may fill the hold so many times over."""


class PlainResponses(PlainScanner):
    """`complete` and `finished` are one."""

    done = b"data: [DONE]\n\n"

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=hold_events, hold_bytes=hold_bytes)
        self._most_bytes = ECHOES * hold_bytes

    def read(self, name: bytes, data: bytes) -> Does:
        """See PlainScanner."""
        try:
            event = plain_json(data)
        except Unreadable:
            if name == b"error":
                raise Fails(Verdict.ERROR, None) from None
            if data.startswith(b"[DONE]"):
                raise Fails(Verdict.ERROR, FailureClass.TRUNCATED) from None
            raise Fails(Verdict.MALFORMED) from None
        if name == b"error":
            raise Fails(Verdict.ERROR, class_of(event))
        if type(event) is not dict:
            raise Fails(Verdict.MALFORMED)
        self._fail_if_told(event)
        return self._event(b"" if name == b"message" else name, event, len(data))

    def _fail_if_told(self, event: dict[str, Any]) -> None:
        kind, response = event.get("type"), event.get("response")
        inner = response if type(response) is dict else {}
        if inner.get("error"):
            raise Fails(Verdict.ERROR, class_of(inner["error"]))
        if event.get("error"):
            raise Fails(Verdict.ERROR, class_of(event["error"]))
        if kind in ("error", "response.failed") or inner.get("status") == "failed":
            raise Fails(Verdict.ERROR, None)

    def _event(self, name: bytes, event: dict[str, Any], size: int) -> Does:
        kind, response = event.get("type"), event.get("response")
        if type(kind) is not str:
            if name and not name.startswith(b"response."):
                return Does.IS_DROPPED
            raise Fails(Verdict.MALFORMED)
        if name and name != kind.encode(errors="replace"):
            raise Fails(Verdict.MALFORMED)
        if type(response) is dict:
            if response.get("usage") is not None:
                self.usage = _tokens(response["usage"])
            self._free_bytes = min(self._free_bytes + size, max(self._free_bytes, self._most_bytes))
        if kind in ("keepalive", "ping"):
            self._free_events += 1
        self.saw_content = self.saw_content or kind.endswith(".delta") or kind in CONTENT
        if kind in ENDS:
            self.saw_end = self.complete = self.finished = True
            return Does.ENDS
        return Does.PASSES


def _tokens(usage: Any) -> tuple[int | None, int | None] | None:
    if type(usage) is not dict:
        return None
    return count(usage.get("input_tokens")), count(usage.get("output_tokens"))
