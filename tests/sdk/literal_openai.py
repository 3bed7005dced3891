"""Literal answers of the OpenAI APIs. Source: platform.openai.com, API reference, chat and responses."""

from typing import Any, Final

from tests.sdk.literal import Literal, burst, events, split, whole

_CREATED: Final = 1_750_000_000
_USAGE: Final = {
    "prompt_tokens": 9,
    "completion_tokens": 12,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "accepted_prediction_tokens": 0},
}


def _chat(*choices: dict[str, Any], **more: Any) -> Literal:
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": _CREATED,
        "model": "gpt-x-2026-11-01",
        "choices": list(choices),
        "usage": _USAGE,
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }
    return whole(answer | more)


def _choice(index: int = 0, finish: str = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "Grüße 😀", "refusal": None, "annotations": []} | message
    return {"index": index, "message": said, "logprobs": None, "finish_reason": finish}


def _chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": _CREATED, "model": "gpt-x"}
    return chunk | {"choices": list(choices)} | more


def _delta(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


_ROLE: Final = _chunk(_delta(role="assistant", content="", refusal=None))
_WORDS: Final = tuple(_chunk(_delta(content=word)) for word in ("Grü", "ße ", "😀", " 何時"))
_STOP: Final = _chunk(_delta(finish="stop"))
_PLAIN: Final = events(_ROLE, *_WORDS, _STOP)
_TOKEN: Final = {"token": "Hi", "logprob": -0.31725305, "bytes": [72, 105], "top_logprobs": []}

CHAT: Final = {
    "chat/vendor-fields": _chat(
        _choice(reasoning_content="Hm.", content="Hi"),
        citations=["https://example.com"],
        provider="x",
        x_big=12345678901234567890,
        x_float=1.10,
    ),
    "chat/logprobs": _chat(_choice() | {"logprobs": {"content": [_TOKEN], "refusal": None}}),
    "chat/refusal": _chat(_choice(content=None, refusal="I cannot help with that.")),
    "chat/two-choices": _chat(_choice(), _choice(1, "length", content="Hey")),
    "chat/structured-cut-by-length": _chat(_choice(finish="length", content='{"name": "at')),
    "chat/json-object": _chat(_choice(content='{"a": 1.0, "b": [null, "\\u00e9"]}')),
    "chat/stream-crlf": events(_ROLE, *_WORDS, _STOP, end=b"\r\n"),
    "chat/stream-comments": events(
        b": OPENROUTER PROCESSING\n\n", _ROLE, b": keep-alive\n\n", *_WORDS, b":\n\n", _STOP
    ),
    "chat/stream-split": split(_PLAIN, 23),
    "chat/stream-burst": burst(_PLAIN),
    "chat/stream-two-choices": events(
        _chunk(_delta(role="assistant", content="")),
        _chunk(_delta(1, role="assistant", content="")),
        _chunk(_delta(content="one"), _delta(1, content="eins")),
        _chunk(_delta(1, finish="stop")),
        _chunk(_delta(content=" two")),
        _chunk(_delta(finish="length")),
    ),
    "chat/stream-refusal": events(
        _ROLE, _chunk(_delta(refusal="I can")), _chunk(_delta(refusal="not")), _STOP
    ),
    "chat/stream-logprobs": events(
        _ROLE, _chunk(_delta(content="Hi") | {"logprobs": {"content": [_TOKEN], "refusal": None}}), _STOP
    ),
    "chat/stream-audio": events(
        _ROLE,
        _chunk(_delta(audio={"id": "audio_1", "transcript": "Hi"})),
        _chunk(_delta(audio={"id": "audio_1", "data": "UklGRg=="})),
        _STOP,
    ),
    "chat/stream-vendor-fields": events(
        _chunk(_delta(role="assistant", content="", reasoning="Hm."), provider="x", obfuscation="a8f3"),
        _chunk(_delta(content="Hi"), x_groq={"id": "req_1"}, big=12345678901234567890),
        _chunk(_delta(finish="stop") | {"native_finish_reason": "STOP"}),
    ),
    "chat/stream-usage-in-each-chunk": events(
        *(_chunk(_delta(content=word), usage=_USAGE) for word in ("a", "b")),
        _chunk(_delta(finish="stop"), usage=_USAGE),
    ),
    "chat/stream-two-line-data": events(
        _ROLE,
        b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-x",\n'
        b'data: "choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n',
        _STOP,
    ),
}


def _message(text: str, status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": [part]}


_SEARCH: Final = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "hello"},
}


def _response(status: str, *output: dict[str, Any], **more: Any) -> dict[str, Any]:
    done = status in ("completed", "incomplete")
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 21,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "model": "gpt-x-2026-11-01",
        "output": list(output),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if done else None,
        "metadata": {},
    } | more


def _numbered(*values: dict[str, Any], done: bool = False) -> Literal:
    """Named events with sequence numbers."""
    numbered = [{"type": each["type"], "sequence_number": n} | each for n, each in enumerate(values)]
    return events(*numbered, done=done, named=True)


def _said(*words: str, status: str = "completed", at: int = 0) -> list[dict[str, Any]]:
    """The events of one message."""
    place = {"item_id": "msg_1", "output_index": at, "content_index": 0}
    empty = _message("", "in_progress") | {"content": []}
    whole_text = "".join(words)
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    return [
        {"type": "response.output_item.added", "output_index": at, "item": empty},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": word, "logprobs": []} for word in words),
        {"type": "response.output_text.done", **place, "text": whole_text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part | {"text": whole_text}},
        {"type": "response.output_item.done", "output_index": at, "item": _message(whole_text, status)},
    ]


_BEGUN: Final = (
    {"type": "response.created", "response": _response("in_progress")},
    {"type": "response.in_progress", "response": _response("in_progress")},
)
_COMPLETED: Final = {"type": "response.completed", "response": _response("completed", _message("Hi 😀"))}
_HI: Final = _numbered(*_BEGUN, *_said("Hi", " 😀"), _COMPLETED)

RESPONSES: Final = {
    "responses/incomplete": whole(_response("incomplete", _message("Hi", "incomplete"))),
    "responses/tools-of-the-vendor": whole(_response("completed", _SEARCH, _message("Hi"))),
    "responses/stream-no-done": _HI,
    "responses/stream-split": split(_HI, 47),
    "responses/stream-unknown-events": _numbered(
        *_BEGUN, {"type": "response.future.thing", "n": 12345678901234567890}, *_said("Hi", " 😀"), _COMPLETED
    ),
    "responses/stream-incomplete": _numbered(
        *_BEGUN,
        *_said("Hi", status="incomplete"),
        {"type": "response.incomplete", "response": _response("incomplete", _message("Hi", "incomplete"))},
    ),
    "responses/stream-empty": _numbered(
        *_BEGUN, {"type": "response.completed", "response": _response("completed")}, done=True
    ),
    "responses/stream-server-tools": _numbered(
        *_BEGUN,
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": _SEARCH | {"status": "in_progress"},
        },
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        {"type": "response.web_search_call.completed", "output_index": 0, "item_id": "ws_1"},
        {"type": "response.output_item.done", "output_index": 0, "item": _SEARCH},
        *_said("Hi", " 😀", at=1),
        {"type": "response.completed", "response": _response("completed", _SEARCH, _message("Hi 😀"))},
    ),
}
