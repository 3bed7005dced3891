"""Events of a streamed Anthropic message as providers write them."""

import json
from typing import Any

COMMENT = b": keep-alive\n\n"


def named(name: str, value: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), json.dumps(value).encode())


def part(kind: str, **fields: Any) -> bytes:
    return named(kind, {"type": kind, **fields})


def start(**usage: Any) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "content": []}
    return part(
        "message_start",
        message={**message, "stop_reason": None, "usage": usage or {"input_tokens": 12, "output_tokens": 1}},
    )


def begin(index: int = 0, **block: Any) -> bytes:
    return part("content_block_start", index=index, content_block=block or {"type": "text", "text": ""})


def delta(kind: str, index: int = 0, **fields: Any) -> bytes:
    return part("content_block_delta", index=index, delta={"type": kind, **fields})


def text(value: str) -> bytes:
    return delta("text_delta", text=value)


def padded(value: bytes, blanks: int) -> bytes:
    """A delta as Anthropic itself writes it: no blanks but before its last bracket."""
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"%b"}%b}\n\n' % (value, b" " * blanks)
    )


def ending(reason: str | None, **usage: Any) -> bytes:
    return part(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": None},
        usage=usage or {"output_tokens": 9},
    )


START = start()
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
BEGIN = begin()
HELLO = text("hello")
WORLD = text(" wörld")
TOOL = begin(1, type="tool_use", id="toolu_1", name="read", input={})
INPUT = delta("input_json_delta", 1, partial_json='{"path": "a')
CLOSE = part("content_block_stop", index=0)
ENDING = ending("end_turn")
STOP = part("message_stop")
ERROR = part("error", error={"type": "overloaded_error", "message": "Overloaded"}, request_id="req_1")
MALFORMED = b'event: content_block_delta\ndata: {"type":"content_block_delta","del\n\n'
WHOLE = START + PING + BEGIN + HELLO + WORLD + CLOSE + ENDING + STOP
