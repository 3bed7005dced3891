"""The Messages API, read by its reference and by what the anthropic client does with what it reads.

That client drops an event without a name and one named `ping`, breaks on a part without its object, and puts
the texts of two answers into one block when a second message_start comes. What it would lose or corrupt in
silence is malformed here. `message_stop` without a stop reason is a cut in disguise (protocols 1.3).
"""

from typing import Any, Final

from interlock_domain.words import FailureClass
from interlock_protocols.streams.verdict import Verdict
from tests.reference.chat import count
from tests.reference.failures import class_of
from tests.reference.judge import Does, Fails, PlainScanner
from tests.reference.plain_json import Unreadable, plain_json

OBJECTS: Final = {
    "message_start": "message",
    "content_block_start": "content_block",
    "content_block_delta": "delta",
    "content_block_stop": "",
    "message_delta": "delta",
    "message_stop": "",
}
"""Each part of a message, and the object in it that clients read."""
SAID_BY: Final[dict[str, dict[str, list[str]]]] = {
    "content_block_delta": {
        "text_delta": ["text"],
        "thinking_delta": ["thinking", "estimated_tokens"],
        "input_json_delta": ["partial_json"],
        "citations_delta": ["citation"],
        "compaction_delta": ["content", "encrypted_content"],
        "signature_delta": [],
    },
    "content_block_start": {
        "text": ["text"],
        "thinking": ["thinking"],
        "compaction": ["content", "encrypted_content"],
    },
}
"""Deltas and blocks that may say nothing yet, and what of them a user waits for. All others are content."""
INPUT: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class PlainMessages(PlainScanner):
    """`complete`: a stop reason came, and no block after it."""

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=hold_events, hold_bytes=hold_bytes)
        self._started = False
        self._counts: dict[str, Any] | None = None

    def read(self, name: bytes, data: bytes) -> Does:
        """See PlainScanner."""
        try:
            value = plain_json(data)
        except Unreadable:
            if name == b"error":
                raise Fails(Verdict.ERROR, None) from None
            if not name and data.startswith(b"[DONE]"):
                return Does.IS_DROPPED
            raise Fails(Verdict.MALFORMED) from None
        if name == b"error" or (type(value) is dict and (value.get("type") == "error" or value.get("error"))):
            typed = type(value) is dict and set(value) <= {"type", "error", "request_id"}
            raise Fails(Verdict.ERROR, class_of(value.get("error")) if typed else None)
        if type(value) is not dict:
            raise Fails(Verdict.MALFORMED)
        return self._event(name.decode(errors="replace"), value)

    def _event(self, name: str, value: dict[str, Any]) -> Does:
        kind = value.get("type")
        if kind not in [*OBJECTS]:
            if name in OBJECTS:
                raise Fails(Verdict.MALFORMED)
            self._sign_of_life(name, kind)
            return Does.PASSES
        needed = OBJECTS[kind]
        begins = kind == "message_start"
        if name != kind or begins == self._started or (needed and type(value.get(needed)) is not dict):
            raise Fails(Verdict.MALFORMED)
        self._started = True
        return self._stop() if kind == "message_stop" else self._part(kind, value, value.get(needed))

    def _part(self, kind: str, value: dict[str, Any], part: Any) -> Does:
        if kind in SAID_BY:
            self.complete = False
            said = SAID_BY[kind].get(part["type"]) if type(part.get("type")) is str else None
            self.saw_content = self.saw_content or said is None or any(part.get(key) for key in said)
        elif kind == "message_start":
            self._use(part.get("usage"))
        elif kind == "message_delta":
            self._use(value.get("usage"))
            if part.get("stop_reason"):
                self.saw_end = self.complete = True
        return Does.PASSES

    def _sign_of_life(self, name: str, kind: Any) -> None:
        """A ping is no preamble that could fill the hold."""
        if name == "ping" or kind == "ping":
            self._free_events += 1

    def _use(self, usage: Any) -> None:
        """Later numbers replace earlier ones, name by name."""
        if type(usage) is dict:
            self._counts = (self._counts or {}) | {
                name: value for name, value in usage.items() if value is not None
            }
            found = [n for name in INPUT if (n := count(self._counts.get(name))) is not None]
            self.usage = (sum(found) if found else None, count(self._counts.get("output_tokens")))

    def _stop(self) -> Does:
        if not self.saw_end:
            raise Fails(Verdict.ERROR, FailureClass.TRUNCATED)
        self.finished = True
        return Does.ENDS
