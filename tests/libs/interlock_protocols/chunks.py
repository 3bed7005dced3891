"""Chunks of a chat stream as providers write them."""

import json
from typing import Any

DONE = b"data: [DONE]\n\n"
COMMENT = b": OPENROUTER PROCESSING\n\n"


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: dict[str, Any], *, index: int = 0, finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return event(
        {"id": "c-1", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice], **more}
    )


ROLE = chunk({"role": "assistant", "content": ""})
HELLO = chunk({"content": "hello"})
WORLD = chunk({"content": " wörld"})
STOP = chunk({}, finish_reason="stop")
USAGE = event({"id": "c-1", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 2}})
ERROR = event({"error": {"message": "overloaded", "type": "server_error", "code": 503}})
MALFORMED = b'data: {"choices":[{"index":0,"delta":{"cont\n\n'
WHOLE = ROLE + HELLO + WORLD + STOP + DONE
