"""A client of the fault matrix: what comes over the socket, and what an application would make of it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import httptools

from interlock_testing.answers import text
from interlock_testing.voices.embeddings import vector
from tests.services.interlock_gateway.faults.cells import FAULTY, HEALTHY, Cell, Surface

Json = dict[str, Any]

WORDS: Final = 5
"""Chunks of an answer of the simulated provider."""
_READ: Final = 65_536


class Answer:
    """What came back: head, body, and whether the answer ended as HTTP says, or was broken off."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.whole = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


async def ask(port: int, cell: Cell, heard: Callable[[], None]) -> Answer:
    """One request on a connection of its own; `heard` is called with the first bytes of the body."""
    fields = {"model": cell.name, **cell.surface.fields, **({"stream": True} if cell.stream else {})}
    body = json.dumps(fields).encode()
    head = (
        f"POST {cell.surface.path} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = Answer()
    try:
        writer.write(head.encode() + body)
        while not answer.whole:
            data = await reader.read(_READ)
            if not data:
                break
            answer.feed(data)
            if answer.body:
                heard()
    finally:
        writer.close()
    return answer


def events(body: bytes) -> list[Json]:
    """The data of the events of a stream that are JSON."""
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def error_of(surface: Surface, told: Json) -> tuple[str, str | None] | None:
    """Type and code, where clients of the API read them."""
    error = told.get("error")
    if not isinstance(error, dict):
        return None
    if not surface.anthropic:
        return error["type"], error["code"]
    assert told["type"] == "error", told
    return error["type"], (error.get("details") or {}).get("error_code")


def answered_by(cell: Cell, answer: Answer) -> str | None:
    """Who said everything that a client reads, when that is a whole answer of one provider."""
    if answer.status != 200 or not answer.whole:
        return None
    said = _streamed(cell.surface, answer.body) if cell.stream else _whole(cell.surface, answer)
    return next((name for name in (FAULTY, HEALTHY) if said == _would_say(cell.surface, name)), None)


def _would_say(surface: Surface, provider: str) -> str:
    name = provider + surface.suffix
    if surface.name == "embeddings":
        return str(vector(name, 0))
    return name if surface.name == "count_tokens" else text(name, WORDS)


def _whole(surface: Surface, answer: Answer) -> str:
    told: Json = json.loads(answer.body)
    if told.get("error"):
        return ""
    said: dict[str, Callable[[], Any]] = {
        "chat": lambda: told["choices"][0]["message"]["content"],
        "completions": lambda: told["choices"][0]["text"],
        "responses": lambda: told["output"][0]["content"][0]["text"],
        "messages": lambda: told["content"][0]["text"],
        "embeddings": lambda: told["data"][0]["embedding"],
        # A number names nobody.
        "count_tokens": lambda: told["input_tokens"] and answer.headers["x-interlock-target"].split("/")[0],
    }
    return str(said[surface.name]())


def _streamed(surface: Surface, body: bytes) -> str:
    """The text of a stream that has its last event; of no other."""
    told = events(body)
    return text_of(surface, told) if is_over(surface, body) and not any(e.get("error") for e in told) else ""


def is_over(surface: Surface, body: bytes) -> bool:
    """Whether the last event of an answer is there; behind `response.failed` it ends no answer."""
    if surface.name == "responses":
        return b"event: response.completed\n" in body
    return (b"event: message_stop\n" if surface.anthropic else b"data: [DONE]\n\n") in body


def text_of(surface: Surface, told: list[Json]) -> str:
    """What a user reads of a stream."""
    said: dict[str, Callable[[Json], str]] = {
        "chat": lambda e: "".join(c["delta"].get("content") or "" for c in e["choices"]),
        "completions": lambda e: "".join(c["text"] for c in e["choices"]),
        "responses": lambda e: e["delta"] if e["type"] == "response.output_text.delta" else "",
        "messages": lambda e: e["delta"]["text"] if e["type"] == "content_block_delta" else "",
    }
    return "".join(said[surface.name](event) for event in told if not event.get("error"))


def unhonest(cell: Cell, answer: Answer) -> str | None:
    """What breaks the rule over all cells: a whole answer of one provider, or an error that nobody misses."""
    if answered_by(cell, answer) is not None:
        return None
    error = error_in(cell, answer)
    if error is None:
        return f"neither an answer nor an error: {answer.status} {answer.body[-200:]!r}"
    if answer.status != 200:
        return None if answer.whole else f"half a refusal: {answer.status} {answer.body!r}"
    if answer.whole or is_over(cell.surface, answer.body):
        return f"an error at the end of what looks whole: {answer.body[-200:]!r}"
    said = text_of(cell.surface, events(answer.body))
    return (
        None if said and _would_say(cell.surface, FAULTY).startswith(said) else f"two answers in one: {said}"
    )


def error_in(cell: Cell, answer: Answer) -> tuple[str, str | None] | None:
    """What the client reads as an error: the body of a refusal, or the last event of a stream."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        told = events(answer.body)
        return error_of(cell.surface, told[-1]) if told else None
    return error_of(cell.surface, json.loads(answer.body)) if answer.status != 200 else None
