"""Chat completions and legacy completions, read by their references and by what vendors send.

Content: protocols 1.2. An answer is whole when each of its choices has a finish reason. `[DONE]` ends the
stream; before any content or finish reason it is a cut that some proxy has papered over (1.3).
"""

from typing import Any, Final

from interlock_domain.words import FailureClass
from interlock_protocols.streams.verdict import Verdict
from tests.reference.failures import class_of
from tests.reference.judge import Does, Fails, PlainScanner
from tests.reference.plain_json import Unreadable, plain_json

CHAT_CONTENT: Final = (
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "images",
)
MOST_CHOICES: Final = 1024
"""No API gives more than 128; a stream that goes on opening choices is not one of these APIs."""


class PlainChat(PlainScanner):
    """Content stands in the delta of a choice."""

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=hold_events, hold_bytes=hold_bytes)
        self._finished: dict[int, bool] = {}

    def has_content(self, choice: dict[str, Any]) -> bool:
        """Whether the user gets something."""
        delta = choice.get("delta")
        return type(delta) is dict and any(delta.get(key) for key in CHAT_CONTENT)

    def read(self, name: bytes, data: bytes) -> Does:
        """See PlainScanner."""
        try:
            chunk = plain_json(data)
        except Unreadable:
            if name == b"error":
                raise Fails(Verdict.ERROR, None) from None
            if data.startswith(b"[DONE]"):  # as the openai client takes it
                return self._done()
            raise Fails(Verdict.MALFORMED) from None
        if name == b"error":
            raise Fails(Verdict.ERROR, None)
        if type(chunk) is not dict:
            raise Fails(Verdict.MALFORMED)
        if chunk.get("error"):
            raise Fails(Verdict.ERROR, class_of(chunk["error"]))
        self._chunk(chunk)
        return Does.PASSES

    def _chunk(self, chunk: dict[str, Any]) -> None:
        choices = chunk.get("choices")
        for choice in choices if type(choices) is list else []:
            if type(choice) is dict:
                self._choice(choice)
        usage = chunk.get("usage")
        if usage is not None:
            self.usage = _tokens(usage)
        self.complete = bool(self._finished) and all(self._finished.values())

    def _choice(self, choice: dict[str, Any]) -> None:
        error, reason = choice.get("error"), choice.get("finish_reason")
        if error or reason == "error":
            raise Fails(Verdict.ERROR, class_of(error))
        index = choice.get("index")
        index = index if type(index) is int and -(2**63) <= index < 2**64 else 0
        self._finished[index] = bool(reason) or self._finished.get(index, False)
        if len(self._finished) > MOST_CHOICES:
            raise Fails(Verdict.MALFORMED)
        self.saw_end = self.saw_end or bool(reason)
        self.saw_content = self.saw_content or self.has_content(choice)

    def _done(self) -> Does:
        if not self.saw_content and not self.saw_end:
            raise Fails(Verdict.ERROR, FailureClass.TRUNCATED)
        self.finished = True
        return Does.ENDS


class PlainCompletion(PlainChat):
    """Content is the text of a choice."""

    def has_content(self, choice: dict[str, Any]) -> bool:
        """See PlainChat."""
        return bool(choice.get("text"))


def _tokens(usage: Any) -> tuple[int | None, int | None] | None:
    if type(usage) is not dict:
        return None
    return count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))


def count(value: Any) -> int | None:
    """A number of tokens; what no reader of a record can hold is none."""
    return value if type(value) is int and 0 <= value <= 2**53 else None
