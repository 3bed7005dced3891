"""Streams of chat completions and legacy completions as vendors send them.

Vendors: OpenAI, Azure (a chunk of filter results first), OpenRouter (comments, errors in choices), DeepSeek
and vLLM (reasoning), Groq and llama.cpp (fields of their own), and proxies that forget the finish reason or
the sentinel.
"""

from collections.abc import Iterator
from typing import Any, Final

from tests.reference.grammar import Draw, Event

REASONS: Final = ("stop", "length", "tool_calls", "content_filter", "function_call")
USAGE: Final = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
AZURE_FIRST: Final = {"id": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0, "content": "a"}]}


class ChatGrammar:
    """One stream of chat; `events` are as meant, not yet spelt, without faults."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self._choices = 1 if draw.chance(0.75) else draw.randint(2, 3)
        self._root: dict[str, Any] = {"id": "chatcmpl-1", "object": self.object, "created": 1750000000}
        if draw.chance(0.9):
            self._root["model"] = "m-1"
        if draw.chance(0.4):
            self._root["system_fingerprint"] = None
        self._end: dict[str, Any] = {"usage": None} if draw.chance(0.3) else {}
        self._with_reason = draw.chance(0.7)

    object = "chat.completion.chunk"

    def events(self) -> Iterator[Event]:
        """The whole stream."""
        draw = self.draw
        if draw.chance(0.15):
            draw.note("a chunk of filter results first")
            yield self._event(AZURE_FIRST)
        yield from self._preamble()
        for _ in range(draw.choice((0, 1, 2, 3, 5, 8, 20)) if draw.chance(0.97) else 60):
            if draw.chance(0.04):
                yield self._event(self._odd_chunk())
            yield self._content(draw.randrange(self._choices))
        yield from self._closing()

    def _preamble(self) -> Iterator[Event]:
        draw = self.draw
        roles = draw.choice((0, 1, 1, 1, 1, 2, 12))
        for n in range(roles):
            yield self._chunk({"role": "assistant", "content": draw.one(("", None))}, n % self._choices)

    def _content(self, index: int) -> Event:
        draw = self.draw
        at = draw.random()
        if at < 0.75:
            return self._chunk({"content": draw.text()}, index)
        if at < 0.83:
            draw.note("reasoning")
            return self._chunk({draw.one(("reasoning_content", "reasoning")): draw.text()}, index)
        if at < 0.92:
            draw.note("tool calls")
            call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": draw.text()}}
            return self._chunk({"tool_calls": [call]}, index)
        key = draw.one(("refusal", "audio", "function_call", "images", "reasoning_details", "content"))
        return self._chunk({key: draw.odd()}, index)

    def _closing(self) -> Iterator[Event]:
        draw = self.draw
        for index in range(self._choices):
            if draw.chance(0.93 if self._choices == 1 else 0.8):
                last = {"content": draw.text()} if draw.chance(0.15) else {}
                yield self._chunk(last, index, draw.one(REASONS))
            else:
                draw.note("no finish reason")
        if draw.chance(0.5):
            usage = USAGE if draw.chance(0.9) else {"prompt_tokens": draw.odd(), "completion_tokens": 3}
            draw.note("usage")
            yield self._event(self._root | {"choices": [], "usage": usage})
        if draw.chance(0.9):
            yield Event(data=draw.one((b"[DONE]", b"[DONE]", b"[DONE]", b"[DONE] ")))
        else:
            draw.note("no sentinel")

    def _chunk(self, delta: Any, index: int = 0, reason: str | None = None) -> Event:
        choice: dict[str, Any] = {"index": index, **self.content(delta)}
        if self._with_reason or reason is not None:
            choice["finish_reason"] = reason
        return self._event({**self._root, "choices": [choice], **self._end})

    def content(self, delta: dict[str, Any]) -> dict[str, Any]:
        """Where this API has the content of a choice."""
        return {"delta": delta}

    def _odd_chunk(self) -> Any:
        """A chunk with something unheard of at one place."""
        draw = self.draw
        draw.note("an odd value")
        key = draw.one(("index", "finish_reason", "delta", "text", "error", "logprobs"))
        choice = {"index": 0, "finish_reason": None, **self.content({"content": "x"}), key: draw.odd()}
        root = {**self._root, "choices": [choice]}
        if draw.chance(0.4):
            root[draw.one(("choices", "usage", "error", "model", "service_tier", "x_groq"))] = draw.odd()
        return root

    def _event(self, value: Any) -> Event:
        return Event(data=self.draw.write(value))


class CompletionGrammar(ChatGrammar):
    """One stream of legacy completions."""

    object = "text_completion"

    def content(self, delta: dict[str, Any]) -> dict[str, Any]:
        """See ChatGrammar: whatever would be said is a text here, and what is no text stays odd."""
        said = next((value for key, value in delta.items() if key != "role"), "")
        return {"text": said if type(said) is str or self.draw.chance(0.3) else "x", "logprobs": None}
