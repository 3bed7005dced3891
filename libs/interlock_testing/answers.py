"""The bytes of a simulated chat provider's answers, step by step.

It owns what goes over the wire for a behaviour; `upstream` owns when and on which socket. Rule: a pure
generator of steps, so each fault can be read here as the few lines it is. Writing to the socket from
here was dropped: pauses would need a task for each request, and a benchmark would measure those.
"""

import json
from collections.abc import Iterator
from enum import Enum
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from interlock_testing.behaviour import At, Behaviour, Kind


class Act(Enum):
    """What to do to the connection."""

    RESET = "reset"
    CLOSE = "close"
    STALL = "stall"


Step = tuple[float, bytes | Act]
"""Wait so many milliseconds, then write bytes or do an act."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request as the provider saw it. `n` counts chat requests from 1."""

    n: int
    model: str
    stream: bool
    tools: bool
    include_usage: bool
    headers: dict[str, str]
    body: bytes


def steps(provider: str, asked: Asked, behaviour: Behaviour) -> Iterator[Step]:
    """Everything this provider does for one request."""
    b = behaviour
    if b.only_tools and not asked.tools:
        b = Behaviour(
            latency_ms=b.latency_ms,
            first_token_ms=b.first_token_ms,
            interval_ms=b.interval_ms,
            chunks=b.chunks,
        )
    yield b.latency_ms, b""
    early = b.kind is Kind.RESET or (b.at is At.HEADERS and b.kind in (Kind.CUT, Kind.STALL))
    if early:
        yield 0, {Kind.RESET: Act.RESET, Kind.CUT: Act.CLOSE}.get(b.kind, Act.STALL)
        if b.kind is not Kind.STALL:
            return
        b = Behaviour(chunks=b.chunks)
    if b.kind is Kind.FAIL:
        yield 0, refusal(b)
    elif b.kind is Kind.HTML:
        yield 0, response(200, b"<!doctype html><title>Sign in</title>", "text/html")
    elif asked.stream and b.kind is not Kind.NO_STREAM:
        yield from _stream(provider, asked, b)
    else:
        yield from _whole(provider, asked, b)


def response(
    status: int, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
) -> bytes:
    """A whole HTTP response."""
    lines = [_status_line(status), f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def refusal(b: Behaviour) -> bytes:
    """An error answer with the behaviour's own body, or one in the words of the OpenAI API."""
    error = {"message": f"simulated {b.status}", "type": "simulated_error", "param": None, "code": None}
    body = b.body.encode() if b.body is not None else _json({"error": error})
    return response(b.status, body, headers=b.headers)


def _status_line(status: int) -> str:
    known = {each.value: each.phrase for each in HTTPStatus}
    return f"HTTP/1.1 {status} {known.get(status, 'Status')}"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _usage(asked: Asked, b: Behaviour) -> dict[str, int]:
    prompt = max(1, len(asked.body) // 4)
    return {"prompt_tokens": prompt, "completion_tokens": b.chunks, "total_tokens": prompt + b.chunks}


def _error(b: Behaviour) -> dict[str, Any]:
    return {"message": "simulated error inside a 200", "type": "server_error", "code": b.code}


def text(provider: str, chunks: int) -> str:
    """What a healthy answer says, so that tests can ask who answered."""
    return "".join(words(provider, chunks))


def words(provider: str, chunks: int) -> list[str]:
    """The same, chunk by chunk."""
    return [f"{provider}" if i == 0 else f" word{i}" for i in range(chunks)]


def _whole(provider: str, asked: Asked, b: Behaviour) -> Iterator[Step]:
    message = {"role": "assistant", "content": text(provider, b.chunks)}
    answer = {
        "id": f"chatcmpl-{provider}-{asked.n}",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(asked, b),
    }
    body = {Kind.ERROR: _json({"error": _error(b)}), Kind.EMPTY: b""}.get(b.kind, _json(answer))
    if b.kind is Kind.MALFORMED:
        body = body[: len(body) // 2]
    whole = response(200, body)
    if b.kind in (Kind.CUT, Kind.STALL):
        half = len(whole) - len(body) // 2
        yield 0, whole[:half]
        yield 0, Act.CLOSE if b.kind is Kind.CUT else Act.STALL
        if b.kind is Kind.STALL:
            yield 0, whole[half:]
        return
    yield b.first_token_ms, whole


def _stream(provider: str, asked: Asked, b: Behaviour) -> Iterator[Step]:
    yield 0, _stream_head(b)
    if b.kind is Kind.EMPTY:
        yield 0, _LAST_CHUNK
        return
    yield 0, _event(provider, asked, {"role": "assistant", "content": ""})
    if b.at is At.PREAMBLE:
        yield from _fault(b)
        if _is_over(b):
            return
    for i, word in enumerate(words(provider, b.chunks)):
        if i == b.after and b.at is At.CONTENT:
            yield from _fault(b)
            if _is_over(b):
                return
        yield b.interval_ms if i else b.first_token_ms, _event(provider, asked, {"content": word})
    yield 0, _event(provider, asked, {}, "stop")
    if asked.include_usage:
        yield 0, _event(provider, asked, None, usage=_usage(asked, b))
    yield 0, b"" if b.kind is Kind.NO_SENTINEL else chunked(b"data: [DONE]\n\n")
    yield 0, _LAST_CHUNK


_LAST_CHUNK = b"0\r\n\r\n"


def _fault(b: Behaviour) -> Iterator[Step]:
    if b.kind is Kind.CUT:
        yield 0, _LAST_CHUNK if b.clean else Act.CLOSE
    elif b.kind is Kind.STALL:
        yield 0, Act.STALL
    elif b.kind is Kind.ERROR:
        yield 0, chunked(b"data: " + _json({"error": _error(b)}) + b"\n\n") + _LAST_CHUNK
    elif b.kind is Kind.MALFORMED:
        yield 0, chunked(b'data: {"choices":[{"index":0,"delta":{"conte\n\n')


def _is_over(b: Behaviour) -> bool:
    return b.kind in (Kind.CUT, Kind.ERROR)


def _stream_head(b: Behaviour) -> bytes:
    lines = [_status_line(200), "content-type: text/event-stream", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in b.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked transfer."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(
    provider: str,
    asked: Asked,
    delta: dict[str, Any] | None,
    finish_reason: str | None = None,
    usage: dict[str, int] | None = None,
) -> bytes:
    chunk: dict[str, Any] = {
        "id": f"chatcmpl-{provider}-{asked.n}",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": asked.model,
        "choices": [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }
    if usage is not None:
        chunk["usage"] = usage
    return chunked(b"data: " + _json(chunk) + b"\n\n")
