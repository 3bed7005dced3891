"""Clients and upstreams of these tests, byte by byte where bytes matter."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import openai

from interlock_domain.attempt.record import RequestRecord
from interlock_records.records import RecordFilter
from interlock_testing.answers import Act, Step
from interlock_testing.misbehave import Peer, Script
from interlock_testing.running import CHAT, RunningLoop, asking
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until

Json = dict[str, Any]

PACE_S = 0.05
"""Between parts of an answer: the gateway's read of one comes before the next."""

QUICK = "{attempts: {backoff: {initial: 1ms, max: 2ms}}}"
"""A policy under which a same-target retry does not wait."""


def request(
    body: bytes | None = None, *, path: str = CHAT, headers: Mapping[str, str] | None = None, **fields: Any
) -> bytes:
    """A chat request as it goes over the wire; `fields` go into the body of a usual one."""
    content = asking(**fields) if body is None else body
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: gateway",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


class Raw:
    """One connection to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, marker: bytes, *, timeout_s: float = 20.0) -> bytes:
        """Everything up to and with the marker."""
        async with asyncio.timeout(timeout_s):
            return await self.reader.readuntil(marker)

    async def rest(self, *, timeout_s: float = 20.0) -> bytes:
        """Everything until the gateway closes."""
        async with asyncio.timeout(timeout_s):
            return await self.reader.read()

    def pause(self) -> None:
        """Read nothing from the socket."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    def resume(self) -> None:
        """Read on."""
        cast("asyncio.Transport", self.writer.transport).resume_reading()

    async def answer(self) -> tuple[int, Json]:
        """A whole JSON answer."""
        head = await self.until(b"\r\n\r\n")
        status = int(head.split()[1])
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        async with asyncio.timeout(20):
            body = await self.reader.readexactly(int(length.split(b":")[1]))
        return status, json.loads(body)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Raw]:
    """A connection that is closed at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class HeldProvider(SimulatedProvider):
    """A provider whose pauses end when it is told to `release`: by a clock, what comes after a pause may be
    read together with what came before it, and two pauses may end in one moment."""

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: str = ""
    ) -> Iterator[Step]:
        """See SimulatedProvider; how long a pause is makes no difference."""
        for pause_ms, due in super().answer(method, path, headers, body, query):
            if pause_ms > 0:
                yield 0, Act.STALL
            yield 0, due


@asynccontextmanager
async def sdk(loop: RunningLoop) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client, without retries of its own."""
    client = openai.AsyncOpenAI(base_url=f"{loop.url}/v1", api_key="sk-of-the-client", max_retries=0)
    try:
        yield client
    finally:
        await client.close()


async def streamed(client: openai.AsyncOpenAI, model: str = "chat", **fields: Any) -> str:
    """The text of a streamed answer. Raises what the client raises."""
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Say hello"}], stream=True, **fields
    )
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    return "".join(pieces)


def paced(*parts: bytes) -> Script:
    """Answer one request in parts that arrive one by one, then close."""

    async def script(peer: Peer) -> None:
        await peer.request()
        for part in parts:
            await peer.send(part)
            await asyncio.sleep(PACE_S)

    return script


async def given_back(loop: RunningLoop) -> None:
    """Until no upstream connection is in use: a socket is gone some steps after it was closed."""
    client = loop.gateway.service.gateway.client
    await until(lambda: client.stats().in_use == 0, timeout_s=20, what="every connection to be given back")


async def newest(loop: RunningLoop, n: int = 0) -> RequestRecord:
    """The newest terminal record, or one before it, as soon as no request runs.

    A client has its answer before the gateway has done with the request: the record found at once may be
    that of the request before.
    """
    gateway = loop.gateway.service.gateway
    await until(lambda: not gateway.exchanges, timeout_s=20, what="the requests to end")

    async def found() -> list[RequestRecord]:
        await gateway.records.flush()
        return list((await loop.records.newest(RecordFilter())).records[n:])

    records: list[RequestRecord] = await until(found, what=f"record {n} from the end")
    return records[0]


def chunk(text: str | None = None, *, finish: str | None = None, **fields: Any) -> bytes:
    """One event of a streamed answer; without text a role delta."""
    delta: Json = {"role": "assistant", "content": ""} if text is None else {"content": text}
    choice = {"index": 0, "delta": {} if finish else delta, "finish_reason": finish}
    return (
        b"data: "
        + json.dumps({"id": "c", "model": "large", "choices": [choice], **fields}).encode()
        + b"\n\n"
    )


DONE = b"data: [DONE]\n\n"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def pieces(*events: bytes) -> bytes:
    """Events as chunks of a transfer, one each."""
    return b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events)


def whole(body: bytes, *, status: str = "200 OK", headers: bytes = b"") -> bytes:
    """A whole answer."""
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n"
    return head % (status.encode(), len(body), headers) + body


ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "large-2026-11",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        "vendor_field": 12345678901234567890,
    },
    indent=1,
).encode()
