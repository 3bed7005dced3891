"""Streams of the Responses API: OpenAI's, and those of servers that follow Open Responses more or less.

Some leave out names, numbers or `[DONE]`, some send signs of life under names of their own, and some echo the
whole request in their first events.
"""

from collections.abc import Iterator
from typing import Any, Final

from tests.reference.grammar import Draw, Event

DELTAS: Final = (
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
    "acme:thought.delta",
)
USAGE: Final = {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}
PLACE: Final[dict[str, Any]] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


class ResponsesGrammar:
    """One stream; `events` are as meant, not yet spelt, without faults."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self._number = -1
        self._names = draw.one((None, None, None, "", "message"))
        self._counts = draw.chance(0.85)
        if self._names is not None:
            draw.note("events without their names")

    def events(self) -> Iterator[Event]:
        """The whole stream."""
        draw = self.draw
        for kind in ("created", "queued", "in_progress"):
            if draw.chance(0.75):
                yield self._about(f"response.{kind}", "in_progress")
        for _ in range(draw.choice((0, 0, 0, 0, 1, 2, 10))):
            yield self._sign_of_life()
        for _ in range(draw.choice((0, 1, 1, 1, 2))):
            yield from self._item()
        yield from self._closing()

    def _item(self) -> Iterator[Event]:
        draw = self.draw
        kind = draw.one(("message", "reasoning", "function_call"))
        item = {"id": "msg_1", "type": kind, "status": "in_progress", "content": []}
        yield self._event("response.output_item.added", output_index=0, item=item)
        if draw.chance(0.8):
            part = {"type": "output_text", "text": "", "annotations": []}
            yield self._event("response.content_part.added", **PLACE, part=part)
        delta = draw.one(DELTAS)
        for _ in range(draw.choice((0, 1, 2, 3, 8, 20)) if draw.chance(0.97) else 60):
            yield self._event(delta, **PLACE, delta=draw.text(), logprobs=[])
            if draw.chance(0.05):
                yield self._odd()
        if draw.chance(0.8):
            yield self._event(delta.replace(".delta", ".done"), **PLACE, text=draw.text())
        if draw.chance(0.9):
            yield self._event("response.output_item.done", output_index=0, item=item)

    def _odd(self) -> Event:
        draw = self.draw
        at = draw.random()
        if at < 0.3:
            return self._sign_of_life()
        draw.note("an odd value")
        fields = {draw.one(("sequence_number", "response", "error", "delta", "type")): draw.odd()}
        if at < 0.6:
            fields["response"] = {draw.one(("id", "model", "status", "error", "usage")): draw.odd()}
        kind = draw.one(("response.output_text.delta", "response.in_progress", "response.of_next_year"))
        value = {"type": kind, **fields}
        named = kind if draw.chance(0.7) else draw.one(("", "message", "ping", "response.completed"))
        return Event(named, draw.write(value))

    def _sign_of_life(self) -> Event:
        draw = self.draw
        draw.note("pings")
        if draw.chance(0.5):
            return self._event("keepalive")
        return Event(draw.one(("ping", "heartbeat")), draw.one((b"{}", b'{"cost": "0"}', b'{"type":7}')))

    def _closing(self) -> Iterator[Event]:
        draw = self.draw
        if draw.chance(0.92):
            state = draw.one(("completed", "completed", "completed", "incomplete"))
            usage = draw.one((USAGE, USAGE, None, {"input_tokens": draw.odd(), "output_tokens": 2}))
            yield self._about(f"response.{state}", state, usage=usage)
        else:
            draw.note("no end")
        if draw.chance(0.6):
            yield Event(data=b"[DONE]")

    def _about(self, kind: str, state: str, **fields: Any) -> Event:
        response = {"id": "resp_1", "object": "response", "status": state, "model": "m-1", "output": []}
        if self.draw.chance(0.25):
            self.draw.note("a request that is echoed")
            response["instructions"] = "be brief " * self.draw.choice((1, 20, 200))
        return self._event(kind, response={**response, "error": None, "usage": None, **fields})

    def _event(self, kind: str, **fields: Any) -> Event:
        self._number += 1
        number = {"sequence_number": self._number} if self._counts else {}
        name = kind if self._names is None else self._names
        return Event(name, self.draw.write({"type": kind, **number, **fields}))
