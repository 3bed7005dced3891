"""Responses: items that open and close, events that are named and counted, the response itself at both ends.

Source: platform.openai.com, API reference, responses/streaming; openresponses.org, specification, for the
`[DONE]` behind the last event, which OpenAI itself does not send (`NO_SENTINEL` is its form). Rule: every
event has the next number, a fault's too. A fault is `response.failed`; the reference also has a flat `error`
event, which the openai client does not raise: that one comes with `flat_error`.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from interlock_testing.behaviour import Behaviour
from interlock_testing.voices.asked import Asked
from interlock_testing.voices.parts import Part, Says
from interlock_testing.voices.voice import CREATED, DONE, BlockVoice, named_event

_ECHOED: Final[dict[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "metadata": {},
}
"""What a response repeats of its request, and what stands there when the request says nothing."""


class Responses(BlockVoice):
    """See Voice."""

    sentinel = DONE
    broken = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n'

    def __init__(self, provider: str, asked: Asked, behaviour: Behaviour) -> None:
        super().__init__(provider, asked, behaviour)
        self._numbers = count()
        fields = asked.fields
        self._echo = {name: fields.get(name, default) for name, default in _ECHOED.items()}
        self._items = [self._item(i, part) for i, part in enumerate(self.parts)]

    def whole(self) -> Any:
        """See Voice."""
        return self._response("completed", self._items)

    def failed(self) -> Any:
        """See Voice."""
        return self._response("failed", [])

    def error(self) -> bytes:
        """See Voice."""
        if self._behaviour.flat_error:
            return self._event("error", **self._error, param=None)
        return self._event("response.failed", response=self.failed()) + DONE

    def head(self) -> Iterator[bytes]:
        """See BlockVoice."""
        started = self._response("in_progress", [])
        yield self._event("response.created", response=started)
        yield self._event("response.in_progress", response=started)

    def begin(self, index: int) -> bytes:
        """See BlockVoice."""
        says, item = self.parts[index].says, self._items[index]
        empty: dict[Says, dict[str, Any]] = {
            Says.TEXT: {"status": "in_progress", "content": []},
            Says.THOUGHT: {"summary": []},
            Says.CALL: {"status": "in_progress", "arguments": ""},
        }
        added = self._event("response.output_item.added", output_index=index, item=item | empty[says])
        return added + self._part_event(index, "added", _text_of(says, ""))

    def delta(self, index: int, piece: str) -> bytes:
        """See BlockVoice."""
        return self._said(index, "delta", piece)

    def end(self, index: int) -> bytes:
        """See BlockVoice."""
        part = self.parts[index]
        whole = self._said(index, "done", part.whole)
        whole += self._part_event(index, "done", _text_of(part.says, part.whole))
        return whole + self._event("response.output_item.done", output_index=index, item=self._items[index])

    def closing(self) -> Iterator[bytes]:
        """See Voice."""
        yield from super().closing()
        yield self._event("response.completed", response=self.whole())

    def _said(self, index: int, what: str, said: str) -> bytes:
        """The `delta` of a piece, or at the end the same in whole: `done`."""
        at: dict[str, Any] = {"item_id": self._items[index]["id"], "output_index": index}
        says = self.parts[index].says
        if says is Says.CALL:
            key = "delta" if what == "delta" else "arguments"
            return self._event(f"response.function_call_arguments.{what}", **at, **{key: said})
        key = "delta" if what == "delta" else "text"
        if says is Says.THOUGHT:
            return self._event(
                f"response.reasoning_summary_text.{what}", **at, summary_index=0, **{key: said}
            )
        return self._event(f"response.output_text.{what}", **at, content_index=0, **{key: said}, logprobs=[])

    def _part_event(self, index: int, what: str, part: dict[str, Any] | None) -> bytes:
        """`added` or `done` of the one part that an item has; a call has none."""
        if part is None:
            return b""
        at = {"item_id": self._items[index]["id"], "output_index": index}
        if self.parts[index].says is Says.THOUGHT:
            return self._event(f"response.reasoning_summary_part.{what}", **at, summary_index=0, part=part)
        return self._event(f"response.content_part.{what}", **at, content_index=0, part=part)

    def _event(self, kind: str, **more: Any) -> bytes:
        return named_event({"type": kind, "sequence_number": next(self._numbers)} | more)

    def _item(self, index: int, part: Part) -> dict[str, Any]:
        named = f"{self._provider}_{self._asked.n}_{index}"
        if part.says is Says.CALL:
            return {
                "id": f"fc_{named}",
                "type": "function_call",
                "status": "completed",
                "arguments": part.whole,
                "call_id": f"call_{named}",
                "name": part.name,
            }
        content = [_text_of(part.says, part.whole)]
        if part.says is Says.THOUGHT:
            return {"id": f"rs_{named}", "type": "reasoning", "summary": content}
        return {
            "id": f"msg_{named}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": content,
        }

    def _response(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"resp_{self._provider}_{self._asked.n}",
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "background": False,
            "error": self._error if status == "failed" else None,
            "incomplete_details": None,
            "model": self._asked.model,
            "output": output,
            "usage": self._usage if status == "completed" else None,
        } | self._echo

    @property
    def _error(self) -> dict[str, Any]:
        return {"code": self._behaviour.code, "message": "simulated error inside a 200"}

    @property
    def _usage(self) -> dict[str, Any]:
        prompt, output = self.prompt_tokens, self.pieces
        thought = sum(len(part.pieces) for part in self.said(Says.THOUGHT))
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": prompt + output,
        }


def _text_of(says: Says, said: str) -> dict[str, Any] | None:
    """The part inside an item."""
    if says is Says.CALL:
        return None
    if says is Says.THOUGHT:
        return {"type": "summary_text", "text": said}
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
