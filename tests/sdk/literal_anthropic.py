"""Literal answers of the Messages API. Source: platform.claude.com/docs, api/messages and streaming."""

from typing import Any, Final

from tests.sdk.literal import Literal, burst, events, split, whole

_USAGE: Final = {
    "input_tokens": 9,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": 2000,
    "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 60},
    "output_tokens": 12,
    "service_tier": "standard",
    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
}
_CITATION: Final = {
    "type": "char_location",
    "cited_text": "Grüße",
    "document_index": 0,
    "document_title": "A",
    "start_char_index": 0,
    "end_char_index": 5,
}
_TEXT: Final = {"type": "text", "text": "Grüße 😀"}
_CITED: Final = {"type": "text", "text": "Grüße", "citations": [_CITATION]}
_REDACTED: Final = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}
_SEARCH: Final = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "hello"},
}
_FOUND: Final = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [
        {
            "type": "web_search_result",
            "url": "https://example.com",
            "title": "A",
            "encrypted_content": "EqgfCioIARgB",
            "page_age": None,
        }
    ],
}


def _message(*content: dict[str, Any], stop: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-20261101",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": _USAGE,
    } | more


def _block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _words(index: int, *words: str) -> list[dict[str, Any]]:
    return _block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": w} for w in words))


def _stream(*inner: Any, stop: str = "end_turn", end: bytes = b"\n", **usage: int) -> Literal:
    start = {"type": "message_start", "message": _message(stop=None)}
    delta = {"stop_reason": stop, "stop_sequence": None}
    closing = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 12} | usage}
    return events(start, *inner, closing, {"type": "message_stop"}, done=False, named=True, end=end)


_PING: Final = {"type": "ping"}
_PLAIN: Final = _stream(*_words(0, "Grü", "ße ", "😀", " 何時"))
_TYPED: Final = {"type": "input_json_delta", "partial_json": '{"query": "hello"}'}

MESSAGES: Final = {
    "messages/citations": whole(_message(_CITED, _TEXT)),
    "messages/redacted-thinking": whole(_message(_REDACTED, _TEXT)),
    "messages/server-tools": whole(_message(_SEARCH, _FOUND, _TEXT)),
    "messages/refusal": whole(_message(stop="refusal")),
    "messages/cut-by-length": whole(_message(_TEXT, stop="max_tokens")),
    "messages/unknown-block": whole(
        _message({"type": "future_block", "n": 12345678901234567890, "f": 1.10}, _TEXT, future={"a": [None]})
    ),
    "messages/cache-usage": whole(_message(_TEXT)),
    "messages/stream-crlf": _stream(*_words(0, "Grü", "ße"), end=b"\r\n"),
    "messages/stream-split": split(_PLAIN, 23),
    "messages/stream-burst": burst(_PLAIN),
    "messages/stream-pings": _stream(_PING, *_words(0, "Grü"), _PING, *_words(1, "ße"), _PING),
    "messages/stream-unknown-events": _stream(
        {"type": "future_event", "n": 12345678901234567890},
        *_words(0, "Grü"),
        *_block(1, {"type": "future_block"}, {"type": "future_delta", "x": 1}),
    ),
    "messages/stream-citations": _stream(
        *_block(
            0,
            {"type": "text", "text": "", "citations": []},
            {"type": "citations_delta", "citation": _CITATION},
            {"type": "text_delta", "text": "Grüße"},
        )
    ),
    "messages/stream-redacted-thinking": _stream(*_block(0, _REDACTED), *_words(1, "Grüße")),
    "messages/stream-server-tools": _stream(
        *_block(0, _SEARCH | {"input": {}}, _TYPED), *_block(1, _FOUND), *_words(2, "Grüße")
    ),
    "messages/stream-cumulative-usage": _stream(
        *_words(0, "Grüße"), input_tokens=2679, cache_creation_input_tokens=0, cache_read_input_tokens=2000
    ),
    "messages/stream-refusal": _stream(stop="refusal"),
}
