"""A streamed answer made of choices, in chat and in legacy completions: what commits, ends and fails it.

It owns what the two APIs share, which is everything but the place of the content inside a choice. Rule:
the first content, or a finish reason, commits; every choice needs its finish reason; `[DONE]` is last. One
scanner that looks for content in both places was dropped: a chat chunk that carries a `text` of some
vendor's own would commit a stream that has said nothing yet.
"""

from abc import abstractmethod
from typing import Any, Final

from interlock_domain.words import FailureClass
from interlock_protocols.chat.chunk import quiet_chunks, still_chunks
from interlock_protocols.errors import OwnError, in_band_error
from interlock_protocols.failures.classify import classify_in_band
from interlock_protocols.failures.failed_answer import broken
from interlock_protocols.splice.text import NotJson, read_json
from interlock_protocols.streams.scanner import KEEP, EventScanner, Take
from interlock_protocols.streams.sse import DONE, DONE_EVENT
from interlock_protocols.streams.verdict import Verdict

_PASS: Final = Verdict.PASS

MAX_CHOICES: Final = 1024
"""Of one stream. Chat gives at most 128 (OpenAI's reference, `n`), completions as many for each prompt; an
upstream that goes on opening them would fill the memory."""


class ChoicesScanner(EventScanner):
    """`complete`: every choice seen so far has its finish reason; `finished`: `[DONE]` has passed."""

    last_event = DONE_EVENT
    __slots__ = ("_finished_choices", "_open_choices")

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=hold_events, hold_bytes=hold_bytes)
        self._open_choices: set[int] = set()
        self._finished_choices: set[int] = set()

    @abstractmethod
    def _has_content(self, choice: dict[str, Any]) -> bool:
        """Whether a choice of a chunk holds something the user waits for."""

    def in_band(self, error: OwnError) -> bytes:
        """A `data:` event with the error."""
        return in_band_error(error)

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
        return still_chunks(whole)

    def _read(self, name: bytes, data: bytes) -> Take:
        if data == DONE:  # it is no JSON, and to find that out costs more than all the rest of an event
            return self._no_json(name, data)
        try:
            value = read_json(data)
        except NotJson:
            return self._no_json(name, data)
        if name == b"error" or type(value) is not dict or value.get("error"):
            return self._no_chunk(name, value)
        return self._chunk(value)

    def _chunk(self, value: dict[str, Any]) -> Take:
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
                    return Take.STOP
        return KEEP

    def _choice(self, choice: dict[str, Any]) -> bool:
        """Note content and finish reason; False when it fails the stream: choices may report errors."""
        if not self.saw_content:
            self.saw_content = self._has_content(choice)
        reason = choice.get("finish_reason")
        if reason == "error" or choice.get("error"):
            self._fail(Verdict.ERROR, classify_in_band(choice.get("error") or choice))
            return False
        index = choice.get("index")
        if type(index) is not int:
            index = 0
        if index not in self._open_choices and index not in self._finished_choices:
            if len(self._open_choices) + len(self._finished_choices) >= MAX_CHOICES:
                self._fail(Verdict.MALFORMED, self._malformed("too many choices"))
                return False
            self._open_choices.add(index)
            self.complete = False
        if reason:
            self._finished_choices.add(index)
            self.saw_end = True
            self._open_choices.discard(index)
            self.complete = not self._open_choices
        return True

    def _no_json(self, name: bytes, data: bytes) -> Take:
        if name == b"error":
            self._fail(Verdict.ERROR, classify_in_band(data.decode(errors="replace")))
            return Take.STOP
        if not data.startswith(DONE):
            self._fail(Verdict.MALFORMED, self._malformed("an event that is no JSON"))
            return Take.STOP
        if not self.saw_content and not self.saw_end:
            # A client that meets this loops: neither an answer nor an error, again and again.
            truncated = broken(
                FailureClass.TRUNCATED, "done_without_answer", "the stream ended without an answer"
            )
            self._fail(Verdict.ERROR, truncated)
            return Take.STOP
        self.finished = True
        self._over = _PASS
        return Take.LAST

    def _no_chunk(self, name: bytes, value: Any) -> Take:
        if name == b"error" or type(value) is dict:
            self._fail(Verdict.ERROR, classify_in_band(value))
        else:
            self._fail(Verdict.MALFORMED, self._malformed("an event that is no object"))
        return Take.STOP
