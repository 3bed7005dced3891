"""Chat completions: `data:` events without names, a role delta before content, `[DONE]` at the end.

Source: platform.openai.com, API reference, chat. `reasoning_content` is not OpenAI's: DeepSeek documents it,
and vLLM and SGLang send it. Rule: without thoughts and calls the bytes are those that benchmarks are compared
by; they never change.
"""

from collections.abc import Iterator
from typing import Any, Final

from interlock_testing.voices.parts import Says
from interlock_testing.voices.voice import CREATED, DONE, SpokenVoice, data_event

_DELTAS: Final = {Says.TEXT: "content", Says.THOUGHT: "reasoning_content"}


class Chat(SpokenVoice):
    """See Voice."""

    sentinel = DONE
    broken = b'data: {"choices":[{"index":0,"delta":{"conte\n\n'

    def whole(self) -> Any:
        """See Voice."""
        said, thought = self.said(Says.TEXT), self.said(Says.THOUGHT)
        message: dict[str, Any] = {"role": "assistant", "content": said[0].whole if said else None}
        if thought:
            message["reasoning_content"] = thought[0].whole
        if self.calls:
            called = enumerate(self.said(Says.CALL))
            message["tool_calls"] = [self._call(i, part.name, part.whole) for i, part in called]
        return {
            "id": self._id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self._asked.model,
            "choices": [{"index": 0, "message": message, "finish_reason": self._finish_reason}],
            "usage": self._usage,
        }

    def opening(self) -> Iterator[bytes]:
        """See Voice."""
        yield self._chunk({"role": "assistant", "content": ""})

    def content(self) -> Iterator[bytes]:
        """See Voice."""
        called = 0
        for part in self.parts:
            if part.says is Says.CALL:
                yield from self._call_deltas(called, part.name, part.pieces)
                called += 1
                continue
            key = _DELTAS[part.says]
            for piece in part.pieces:
                yield self._chunk({key: piece})

    def closing(self) -> Iterator[bytes]:
        """See Voice."""
        yield self._chunk({}, self._finish_reason)
        if self._asked.include_usage:
            yield self._chunk(None, usage=self._usage)

    def _call_deltas(self, index: int, name: str, pieces: tuple[str, ...]) -> Iterator[bytes]:
        before = self._chunk({"tool_calls": [{"index": index, **self._call(index, name, "")}]})
        for piece in pieces:
            fragment = {"index": index, "function": {"arguments": piece}}
            yield before + self._chunk({"tool_calls": [fragment]})
            before = b""

    def _call(self, index: int, name: str, arguments: str) -> dict[str, Any]:
        called = f"call_{self._provider}_{self._asked.n}_{index}"
        return {"id": called, "type": "function", "function": {"name": name, "arguments": arguments}}

    def _chunk(
        self,
        delta: dict[str, Any] | None,
        finish_reason: str | None = None,
        usage: dict[str, int] | None = None,
    ) -> bytes:
        chunk: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self._asked.model,
            "choices": []
            if delta is None
            else [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        }
        if usage is not None:
            chunk["usage"] = usage
        return data_event(chunk)

    @property
    def _id(self) -> str:
        return f"chatcmpl-{self._provider}-{self._asked.n}"

    @property
    def _finish_reason(self) -> str:
        return "tool_calls" if self.calls else "stop"

    @property
    def _usage(self) -> dict[str, int]:
        prompt, output = self.prompt_tokens, self.pieces
        return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
