"""Events of a streamed response as OpenAI writes them."""

import json
from typing import Any

PLACE: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
DONE = b"data: [DONE]\n\n"
COMMENT = b": OPENROUTER PROCESSING\n\n"


def event(kind: str, *, name: str | None = None, **fields: Any) -> bytes:
    """An event whose name is its type; `name` empty: without one."""
    named = kind if name is None else name
    line = f"event: {named}\n" if named else ""
    return f"{line}data: {json.dumps({'type': kind, **fields})}\n\n".encode()


def response(**fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "in_progress", "model": "m-1", "output": []} | {
        "error": None,
        "usage": None,
        **fields,
    }


def delta(number: int, text: str = "hello", kind: str = "output_text") -> bytes:
    return event(f"response.{kind}.delta", sequence_number=number, **PLACE, delta=text, logprobs=[])


def failed(**error: Any) -> bytes:
    return event(
        "response.failed", sequence_number=9, response=response(status="failed", error=error or None)
    )


USED = {"input_tokens": 12, "output_tokens": 2, "total_tokens": 14}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "in_progress",
    "content": [],
}
TEXT = {"type": "output_text", "text": "", "annotations": []}
FULL: dict[str, Any] = MESSAGE | {"status": "completed", "content": [TEXT | {"text": "hello wörld"}]}

CREATED = event("response.created", sequence_number=0, response=response())
IN_PROGRESS = event("response.in_progress", sequence_number=1, response=response())
ITEM = event("response.output_item.added", sequence_number=2, output_index=0, item=MESSAGE)
PART = event("response.content_part.added", sequence_number=3, **PLACE, part=TEXT)
PREAMBLE = CREATED + IN_PROGRESS + ITEM + PART
HELLO = delta(4)
WORLD = delta(5, " wörld")
TEXT_DONE = event("response.output_text.done", sequence_number=6, **PLACE, text="hello wörld", logprobs=[])
PART_DONE = event("response.content_part.done", sequence_number=7, **PLACE, part=FULL["content"][0])
ITEM_DONE = event("response.output_item.done", sequence_number=8, output_index=0, item=FULL)
COMPLETED = event(
    "response.completed",
    sequence_number=9,
    response=response(status="completed", output=[FULL], usage=USED),
)
INCOMPLETE = event(
    "response.incomplete", sequence_number=9, response=response(status="incomplete", usage=USED)
)
FAILED = failed(code="server_error", message="boom")
MALFORMED = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n'
ANSWER = PREAMBLE + HELLO + WORLD + TEXT_DONE + PART_DONE + ITEM_DONE + COMPLETED
