"""A simulated provider: a small chat API on a port of its own, with moods instead of a model.

Rule: the gateway reaches it over a real connection and cannot tell; what it answers is a function of its
mood. Answers are in the vendors' own form, error bodies too. Dropped: an ASGI server for each, three more
than a demo needs.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from interlock_quickstart.demo.schedule import Mood

RETRY_AFTER_S: Final = 3
MAX_HEAD: Final = 64 * 1024
SENTENCE: Final = "This answer comes from {model} at the simulated provider {name}; no tokens were billed."


class Pace(Struct, frozen=True, kw_only=True):
    """How quick a provider is, in seconds."""

    first: float
    between: float


PACES: Final = {
    "atlas": Pace(first=0.05, between=0.008),
    "breeze": Pace(first=0.07, between=0.008),
    "cirrus": Pace(first=0.7, between=0.03),
}


class DemoProvider:
    """One provider; `mood` is asked at each request."""

    def __init__(self, name: str, mood: Callable[[], Mood]) -> None:
        self.name = name
        self._mood = mood
        self._cuts = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, listening: socket.socket) -> None:
        """Answer on this socket."""
        self._server = await asyncio.start_server(self._serve, sock=listening, limit=MAX_HEAD)

    async def stop(self) -> None:
        """Close the port and what is open."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (request := await _read(reader)) is not None:
                await self._answer(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the gateway left: nothing of ours to say
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        mood, pace = self._mood(), PACES[self.name]
        await asyncio.sleep(pace.first)
        if mood is Mood.ERRORS:
            writer.write(
                _whole(500, _error("The server had an error while processing your request.", "server_error"))
            )
        elif mood is Mood.LIMITED:
            body = _error("Rate limit reached for requests.", "rate_limit_exceeded")
            writer.write(_whole(429, body, f"retry-after: {RETRY_AFTER_S}\r\n"))
        elif request.get("stream") is True:
            await self._stream(str(request.get("model")), writer, cut=mood is Mood.CUT)
        else:
            writer.write(_whole(200, self._completion(str(request.get("model")))))
        await writer.drain()

    async def _stream(self, model: str, writer: asyncio.StreamWriter, *, cut: bool) -> None:
        """A stream; a cut one breaks off before its first content, each third one after it."""
        words = self._words(model)
        kept = len(words)
        if cut:
            self._cuts += 1
            kept = 3 if self._cuts % 3 == 0 else 0
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        writer.write(_event(_chunk(model, {"role": "assistant", "content": ""})))
        for word in words[:kept]:
            await asyncio.sleep(PACES[self.name].between)
            writer.write(_event(_chunk(model, {"content": word})))
            await writer.drain()
        if cut:
            await writer.drain()
            writer.transport.abort()
            raise ConnectionAbortedError("the demo cuts this stream")
        writer.write(_event(_chunk(model, {}, finish="stop")))
        writer.write(
            _event(_chunk(model, None, usage=_usage(words))) + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"
        )

    def _words(self, model: str) -> list[str]:
        first, *rest = SENTENCE.format(model=model, name=self.name).split(" ")
        return [first, *(f" {word}" for word in rest)]

    def _completion(self, model: str) -> bytes:
        words = self._words(model)
        message = {"role": "assistant", "content": "".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return json.dumps(
            {
                "id": "chatcmpl-demo",
                "object": "chat.completion",
                "created": 0,
                "model": model,
                "choices": [choice],
                "usage": _usage(words),
            }
        ).encode()


async def _read(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next request's body; None when the connection ends between two requests."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    body = await reader.readexactly(length)
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _whole(status: int, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{more}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _error(message: str, code: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": code, "param": None, "code": code}}).encode()


def _usage(words: list[str]) -> dict[str, int]:
    return {"prompt_tokens": 8, "completion_tokens": len(words), "total_tokens": 8 + len(words)}


def _chunk(
    model: str,
    delta: dict[str, str] | None,
    *,
    finish: str | None = None,
    usage: dict[str, int] | None = None,
) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0, "model": model}
    return {**chunk, "choices": choices, **({} if usage is None else {"usage": usage})}


def _event(chunk: dict[str, Any]) -> bytes:
    return _framed(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
