"""Every way in which an upstream can fail a request, as scripts over a raw connection, by name.

It owns the list: what a test matrix goes through, and what a drill does, is what stands in `FAULTS`. Rule: a
fault is how far the answer came and how it ended there, in the words of the API that was asked, and what
follows content waits until the client has that content, so that no pause decides what the fault is. Faults as
a `Behaviour` were dropped for this: those are values for other processes, and half of these cannot be said
without the bytes.

Faults of the address (nobody listens, nobody answers, a certificate that nobody trusts) have no script: there
is no request to answer.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from interlock_testing.answers import chunked, response
from interlock_testing.fault_line import Line
from interlock_testing.voices.voice import to_json

LAST_CHUNK: Final = b"0\r\n\r\n"
GARBAGE_BYTES: Final = 100_000_000
_BLOCK: Final = b"\x00garbage" * 8_192
_BAD_FIELD: Final = b',"note":"\xff"}'


Script = Callable[[Line], Awaitable[bool]]
"""Answers one request; whether the connection may carry another."""
Part = Callable[[Line], Awaitable[None]]


class Fault(Struct, frozen=True):
    """What happens to a whole answer, and to a stream; None: that cannot happen to it."""

    whole: Script | None
    stream: Script | None


# ---------------------------------------------------------------- how far the answer came


async def _nothing(line: Line) -> None:
    pass


async def _head(line: Line) -> None:
    await line.send(line.head())


async def _preamble(line: Line) -> None:
    """Of a whole answer only the head: it has no preamble."""
    opening = line.opening() if line.streamed else b""
    await line.send(line.head() + (chunked(opening) if opening else b""))


async def _content(line: Line) -> None:
    """Half of a whole answer, or the first piece of a stream, which the client has by then."""
    if not line.streamed:
        await line.send(line.head() + chunked(line.body[: len(line.body) // 2]))
        return
    await _preamble(line)
    await line.send(chunked(next(line.pieces)))
    await line.until_heard()


# ---------------------------------------------------------------- how it ended there


async def _reset(line: Line) -> bool:
    line.peer.reset()
    return False


async def _reset_in_chunk(line: Line) -> bool:
    piece = chunked(next(line.pieces) if line.streamed else line.body[len(line.body) // 2 :])
    await line.send(piece[: len(piece) // 2])
    return await _reset(line)


async def _silence(line: Line) -> bool:
    await line.peer.gone()
    return False


async def _clean_end(line: Line) -> bool:
    await line.send(LAST_CHUNK)
    return True


async def _go_on(line: Line) -> bool:
    """Nothing is wrong any more: the rest of the answer."""
    if line.streamed:
        await line.send(chunked(line.rest()) + LAST_CHUNK)
    else:
        await line.send(response(200, line.body, headers=line.voice.headers))
    return True


async def _slowly(line: Line) -> bool:
    await line.slow()
    return await _go_on(line)


async def _without_sentinel(line: Line) -> bool:
    await line.send(chunked(line.rest(sentinel=False)) + LAST_CHUNK)
    return True


async def _broken_event(line: Line) -> bool:
    await line.send(chunked(line.voice.broken) + chunked(line.rest()) + LAST_CHUNK)
    return True


async def _bad_utf8(line: Line) -> bool:
    event = next(line.pieces).removesuffix(b"}\n\n") + _BAD_FIELD + b"\n\n"
    await line.send(chunked(event) + chunked(line.rest()) + LAST_CHUNK)
    return True


async def _error_event(line: Line) -> bool:
    await line.send(chunked(line.voice.error()) + LAST_CHUNK)
    return True


def _then(came: Part, ended: Script) -> Script:
    async def script(line: Line) -> bool:
        await came(line)
        return await ended(line)

    return script


# ---------------------------------------------------------------- whole answers


def _whole(status: int, headers: dict[str, str] | None = None, hint: str = "") -> Script:
    """A refusal in the words of the API; a `hint` takes the place of its message."""

    async def script(line: Line) -> bool:
        refusal = line.refusal(status)
        if hint:
            refusal["error"]["message"] = hint.format(model=line.model)
        await line.send(response(status, to_json(refusal), headers=line.voice.headers | (headers or {})))
        return True

    return script


async def _error_object(line: Line) -> bool:
    await line.send(response(200, to_json(line.voice.failed()), headers=line.voice.headers))
    return True


async def _whole_answer(line: Line) -> bool:
    await line.send(response(200, line.body, headers=line.voice.headers))
    return True


async def _half_json(line: Line) -> bool:
    await line.send(response(200, line.body[: len(line.body) // 2]))
    return True


async def _bad_utf8_field(line: Line) -> bool:
    await line.send(response(200, line.body.removesuffix(b"}") + _BAD_FIELD))
    return True


async def _page(line: Line) -> bool:
    await line.send(response(200, b"<!doctype html><title>Sign in</title>", "text/html"))
    return True


async def _empty(line: Line) -> bool:
    await line.send(line.head(length=0))
    return True


# ---------------------------------------------------------------- too much, and too little


async def _garbage(line: Line) -> bool:
    await line.send(line.head(length=GARBAGE_BYTES))
    for _ in range(0, GARBAGE_BYTES, len(_BLOCK)):
        await line.send(_BLOCK)
    return False


async def _endless_head(line: Line) -> bool:
    await line.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await line.send(b"x-more: " + b"m" * 4_096 + b"\r\n")


async def _too_short_a_body(line: Line) -> bool:
    """Fewer bytes than the head says, then an end in order."""
    if line.streamed:
        said = line.opening() + next(line.pieces)
        await line.send(line.head(length=len(said) * 3) + said)
        await line.until_heard()
    else:
        await line.send(line.head(length=len(line.body) + 100) + line.body)
    return False


async def _too_long_a_body(line: Line) -> bool:
    """More bytes than the head says: what it says ends in the middle."""
    if line.streamed:
        said, more = line.opening() + next(line.pieces), next(line.pieces)
        await line.send(line.head(length=len(said) + len(more) // 2) + said)
        await line.until_heard()
        await line.send(more + line.rest())
    else:
        await line.send(line.head(length=len(line.body) // 2) + line.body)
    return False


STATED_S: Final = 7.5
"""What an upstream states: longer than a request waits for the same target, and no whole number."""
_DATE: Final = {"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2026 07:28:08 GMT"}
_HINT: Final = f"Rate limit reached: Limit 3, Used 3. Please try again in {STATED_S}s. Visit the docs."


def _both(script: Script) -> Fault:
    return Fault(script, script)


FAULTS: Final[dict[str, Fault]] = {
    "none": Fault(_whole_answer, _then(_preamble, _go_on)),
    "429": _both(_whole(429)),
    "429-seconds": _both(_whole(429, {"retry-after": "8"})),
    "429-fraction": _both(_whole(429, {"retry-after": str(STATED_S)})),
    "429-milliseconds": _both(_whole(429, {"retry-after-ms": str(round(STATED_S * 1000))})),
    "429-date": _both(_whole(429, _DATE)),
    "429-hint": _both(_whole(429, hint=_HINT)),
    "429-short": _both(_whole(429, {"retry-after-ms": "20"})),
    "302": _both(_whole(302, {"location": "http://127.0.0.1:1/"})),
    "408": _both(_whole(408)),
    "500": _both(_whole(500)),
    "502": _both(_whole(502)),
    "503": _both(_whole(503)),
    "503-seconds": _both(_whole(503, {"retry-after": "8"})),
    "504": _both(_whole(504)),
    "529": _both(_whole(529)),
    "400": _both(_whole(400)),
    "401": _both(_whole(401)),
    "402": _both(_whole(402)),
    "403": _both(_whole(403)),
    "404": _both(_whole(404)),
    "404-model": _both(_whole(404, hint="The model `{model}` does not exist.")),
    "reset-before-headers": _both(_then(_nothing, _reset)),
    "reset-after-headers": _both(_then(_head, _reset)),
    "reset-mid-chunk": _both(_then(_content, _reset_in_chunk)),
    "stall-before-headers": _both(_then(_nothing, _silence)),
    "stall-before-content": _both(_then(_preamble, _silence)),
    "stall-after-content": _both(_then(_content, _silence)),
    "slow-first-token": Fault(_then(_nothing, _slowly), _then(_preamble, _slowly)),
    "clean-end-before-content": Fault(None, _then(_preamble, _clean_end)),
    "clean-end-early": _both(_then(_content, _clean_end)),
    "no-sentinel": Fault(None, _then(_preamble, _without_sentinel)),
    "malformed-json": Fault(_half_json, _then(_preamble, _broken_event)),
    "malformed-json-later": Fault(None, _then(_content, _broken_event)),
    "invalid-utf8": Fault(_bad_utf8_field, _then(_preamble, _bad_utf8)),
    "invalid-utf8-later": Fault(None, _then(_content, _bad_utf8)),
    "error-in-200": _both(_error_object),
    "error-event-before-content": Fault(None, _then(_preamble, _error_event)),
    "error-event-after-content": Fault(None, _then(_content, _error_event)),
    "whole-answer-to-a-stream": Fault(None, _whole_answer),
    "html-200": _both(_page),
    "empty-200": _both(_empty),
    "garbage-100-mb": _both(_garbage),
    "endless-headers": _both(_endless_head),
    "length-too-large": _both(_too_short_a_body),
    "length-too-small": _both(_too_long_a_body),
}
"""By name. What the names mean in words is in docs/fault-matrix.md."""
