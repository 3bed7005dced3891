"""Streams of the Messages API: Anthropic's own writing, and that of the gateways before it.

Anthropic pads events with blanks before the last bracket, sends pings, and thinks in blocks that may stay
empty; tools begin with their name, server tools come whole in their first event.
"""

from collections.abc import Iterator
from typing import Any, Final

from tests.reference.grammar import Draw, Event

STOPS: Final = ("end_turn", "max_tokens", "tool_use", "stop_sequence", "pause_turn", "refusal")


class MessagesGrammar:
    """One stream; `events` are as meant, not yet spelt, without faults."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self._padded = draw.chance(0.4)

    def events(self) -> Iterator[Event]:
        """The whole stream."""
        draw = self.draw
        usage = {"input_tokens": 12, "output_tokens": 1}
        if draw.chance(0.3):
            usage |= {"cache_read_input_tokens": 90, "cache_creation_input_tokens": draw.odd()}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "content": []}
        if draw.chance(0.97):
            yield self._part("message_start", message={**message, "usage": usage})
        for _ in range(draw.choice((0, 0, 1, 1, 2, 9))):
            yield self._ping()
        for index in range(draw.choice((0, 1, 1, 1, 2, 3))):
            yield from self._block(index)
        yield from self._closing()

    def _block(self, index: int) -> Iterator[Event]:
        draw = self.draw
        at = draw.random()
        if at < 0.5:
            yield self._start(index, {"type": "text", "text": draw.one(("", "", "", "x"))})
            yield from self._deltas(index, "text_delta", "text")
        elif at < 0.65:
            yield self._start(index, {"type": "thinking", "thinking": "", "signature": ""})
            yield from self._thoughts(index)
        elif at < 0.8:
            draw.note("tool use")
            kind = draw.one(("tool_use", "server_tool_use", "mcp_tool_use"))
            yield self._start(index, {"type": kind, "id": "toolu_1", "name": "read", "input": {}})
            yield from self._deltas(index, "input_json_delta", "partial_json")
        else:
            yield self._start(index, draw.one(WHOLE_BLOCKS))
        if draw.chance(0.9):
            yield self._part("content_block_stop", index=index)

    def _thoughts(self, index: int) -> Iterator[Event]:
        draw = self.draw
        if draw.chance(0.4):
            draw.note("thinking that is not shown")
            for _ in range(draw.choice((0, 2, 12))):
                yield self._ping()
        else:
            yield from self._deltas(index, "thinking_delta", "thinking")
        yield self._delta(index, {"type": "signature_delta", "signature": "c2ln"})

    def _deltas(self, index: int, kind: str, key: str) -> Iterator[Event]:
        draw = self.draw
        for _ in range(draw.choice((0, 1, 2, 3, 8, 20)) if draw.chance(0.97) else 60):
            yield self._delta(index, {"type": kind, key: draw.text()})
            if draw.chance(0.05):
                yield self._odd()

    def _odd(self) -> Event:
        """A ping, an event that is new, or one with something unheard of in it."""
        draw = self.draw
        at = draw.random()
        if at < 0.5:
            return self._ping()
        draw.note("an odd value")
        if at < 0.65:
            return self._part("of_next_year", anything=draw.odd())
        if at < 0.8:
            return self._delta(
                0,
                {
                    "type": draw.one(("of_next_year", "text_delta", "text", "thinking", None)),
                    "text": draw.odd(),
                },
            )
        kind = draw.one(("content_block_delta", "content_block_start", "message_delta", "content_block_stop"))
        value = {"type": kind, "delta": draw.odd(), "content_block": draw.odd(), "usage": draw.odd()}
        return Event(draw.one((kind, kind, "ping", "", "message_stop")), self._write(value))

    def _closing(self) -> Iterator[Event]:
        draw = self.draw
        if draw.chance(0.94):
            usage = {"output_tokens": 9 if draw.chance(0.9) else draw.odd()}
            reason = draw.one(STOPS) if draw.chance(0.95) else None
            delta = {"stop_reason": reason, "stop_sequence": None}
            yield self._part("message_delta", delta=delta, usage=usage)
        else:
            draw.note("no stop reason")
        if draw.chance(0.9):
            yield self._part("message_stop")
        else:
            draw.note("no sentinel")
        if draw.chance(0.05):
            draw.note("[DONE] of another API")
            yield Event(data=b"[DONE]")

    def _ping(self) -> Event:
        self.draw.note("pings")
        return Event("ping", self.draw.one((b'{"type": "ping"}', b'{"type":"ping"}', b"{}")))

    def _start(self, index: int, block: Any) -> Event:
        return self._part("content_block_start", index=index, content_block=block)

    def _delta(self, index: int, delta: Any) -> Event:
        return self._part("content_block_delta", index=index, delta=delta)

    def _part(self, kind: str, **fields: Any) -> Event:
        return Event(kind, self._write({"type": kind, **fields}))

    def _write(self, value: Any) -> bytes:
        data = self.draw.write(value)
        return data[:-1] + b" " * self.draw.randrange(12) + b"}" if self._padded else data


WHOLE_BLOCKS: Final[tuple[Any, ...]] = (
    {"type": "redacted_thinking", "data": "abc"},
    {"type": "web_search_tool_result", "tool_use_id": "t", "content": []},
    {"type": "compaction", "content": None},
    {"type": "compaction", "content": "so far"},
    {"type": "of_next_year"},
    {"type": None},
    {},
)
