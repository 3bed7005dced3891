"""The bytes of a simulated provider's answers, step by step, whichever API was asked.

It owns what a behaviour does to an answer and the framing of HTTP; what an answer says is its voice's, and
`upstream` owns when and on which socket. Rule: a pure generator of steps, so each fault can be read here as
the few lines it is. Writing to the socket from here was dropped: pauses would need a task for each request,
and a benchmark would measure those.
"""

from collections.abc import Generator, Iterator
from enum import Enum
from http import HTTPStatus

from msgspec.structs import replace

from interlock_testing.behaviour import At, Behaviour, Kind
from interlock_testing.voices.asked import Asked
from interlock_testing.voices.parts import text, words
from interlock_testing.voices.paths import voice_of
from interlock_testing.voices.voice import Voice, to_json

__all__ = ["Act", "Asked", "Step", "chunked", "refusal", "response", "steps", "text", "words"]


class Act(Enum):
    """What to do to the connection."""

    RESET = "reset"
    CLOSE = "close"
    STALL = "stall"


Step = tuple[float, bytes | Act]
"""Wait so many milliseconds, then write bytes or do an act."""


def steps(provider: str, asked: Asked, behaviour: Behaviour) -> Iterator[Step]:
    """Everything this provider does for one request."""
    b = behaviour
    if b.only_tools and not asked.tools:
        b = _healed(b)
    yield b.latency_ms, b""
    early = b.kind is Kind.RESET or (b.at is At.HEADERS and b.kind in (Kind.CUT, Kind.STALL))
    if early:
        yield 0, {Kind.RESET: Act.RESET, Kind.CUT: Act.CLOSE}.get(b.kind, Act.STALL)
        if b.kind is not Kind.STALL:
            return
        b = replace(_healed(b), first_token_ms=0, interval_ms=0)
    voice = voice_of(asked.path)(provider, asked, b)
    if b.kind is Kind.FAIL:
        yield 0, refusal(voice, b)
    elif b.kind is Kind.HTML:
        yield 0, response(200, b"<!doctype html><title>Sign in</title>", "text/html")
    elif asked.stream and voice.streamed and b.kind is not Kind.NO_STREAM:
        yield from _stream(voice, b)
    else:
        yield from _whole(voice, b)


def _healed(b: Behaviour) -> Behaviour:
    """The same answer without the fault; the headers are the fault's."""
    return replace(b, kind=Kind.HEALTHY, headers={})


def response(
    status: int, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
) -> bytes:
    """A whole HTTP response."""
    lines = [_status_line(status), f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def refusal(voice: Voice, b: Behaviour) -> bytes:
    """An error answer with the behaviour's own body, or one in the words of the API."""
    body = b.body.encode() if b.body is not None else to_json(voice.refusal())
    return response(b.status, body, headers=voice.headers | b.headers)


def _status_line(status: int) -> str:
    known = {each.value: each.phrase for each in HTTPStatus}
    return f"HTTP/1.1 {status} {known.get(status, 'Status')}"


def _whole(voice: Voice, b: Behaviour) -> Iterator[Step]:
    body = b"" if b.kind is Kind.EMPTY else to_json(voice.failed() if b.kind is Kind.ERROR else voice.whole())
    if b.kind is Kind.MALFORMED:
        body = body[: len(body) // 2]
    own = b.headers if b.kind is Kind.HEALTHY else {}
    whole = response(200, body, headers=voice.headers | own)
    if b.kind in (Kind.CUT, Kind.STALL):
        half = len(whole) - len(body) // 2
        yield 0, whole[:half]
        yield 0, Act.CLOSE if b.kind is Kind.CUT else Act.STALL
        if b.kind is Kind.STALL:
            yield 0, whole[half:]
        return
    yield b.first_token_ms, whole


def _stream(voice: Voice, b: Behaviour) -> Iterator[Step]:
    yield 0, _stream_head(voice.headers | b.headers)
    if b.kind is Kind.EMPTY:
        yield 0, _LAST_CHUNK
        return
    for event in voice.opening():
        yield 0, chunked(event)
    over = b.at is At.PREAMBLE and (yield from _fault(voice, b))
    over = over or (yield from _content(voice, b))
    if over:
        return
    for event in voice.closing():
        yield 0, chunked(event)
    if b.kind is not Kind.NO_SENTINEL:
        yield 0, chunked(voice.sentinel)
    yield 0, _LAST_CHUNK


def _content(voice: Voice, b: Behaviour) -> Generator[Step, None, bool]:
    """Content at its pace, with the fault in it; whether that ended the stream."""
    delay_ms = b.first_token_ms
    content = voice.content()
    for i in range(voice.pieces):
        if i == b.after and b.at is At.CONTENT and (yield from _fault(voice, b)):
            return True
        yield delay_ms, chunked(next(content))  # not before the fault: events are counted
        delay_ms = b.interval_ms
    return False


_LAST_CHUNK = b"0\r\n\r\n"


def _fault(voice: Voice, b: Behaviour) -> Generator[Step, None, bool]:
    """What goes wrong inside a stream; whether that ended it."""
    if b.kind is Kind.CUT:
        yield 0, _LAST_CHUNK if b.clean else Act.CLOSE
    elif b.kind is Kind.STALL:
        yield 0, Act.STALL
    elif b.kind is Kind.ERROR:
        yield 0, chunked(voice.error()) + _LAST_CHUNK
    elif b.kind is Kind.MALFORMED:
        yield 0, chunked(voice.broken)
    return b.kind in (Kind.CUT, Kind.ERROR)


def _stream_head(headers: dict[str, str]) -> bytes:
    lines = [_status_line(200), "content-type: text/event-stream", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked transfer."""
    return b"%x\r\n%b\r\n" % (len(data), data)
