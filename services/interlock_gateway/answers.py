"""What goes back to the client: heads, bodies and refusals, in the form of the client API.

Every answer carries the request id twice (openai reads `x-request-id`, anthropic `request-id`), the
served target, the number of attempts and the snapshot version. An answer that starts is finished or
aborted; nothing here ever closes a broken stream cleanly.
"""

from typing import TYPE_CHECKING, Any, Final

from interlock_gateway.asgi import Send
from interlock_gateway.calls import HOP_BY_HOP
from interlock_protocols.errors import OwnError

if TYPE_CHECKING:
    from interlock_gateway.exchange import Exchange

_NOT_PASSED_BACK: Final = HOP_BY_HOP | {
    b"content-length",
    b"content-encoding",
    b"date",
    b"server",
    b"x-request-id",
    b"request-id",
}
_USUAL: Final = (b"keep-alive", b"close")
_JSON: Final = (b"content-type", b"application/json")
_STREAM: Final = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


def own_headers(x: "Exchange") -> list[tuple[bytes, bytes]]:
    """The headers every answer carries."""
    request_id = x.request_id.encode()
    headers = [
        (b"x-request-id", request_id),
        (b"request-id", request_id),
        (b"x-interlock-attempts", b"%d" % (len(x.attempts) + (x.running is not None))),
        (b"x-interlock-snapshot", x.version.encode()),
    ]
    if x.running is not None:
        headers.append((b"x-interlock-target", x.running.target.id.encode()))
    elif x.attempts:
        headers.append((b"x-interlock-target", x.attempts[-1].target.encode()))
    return headers


def passed_back(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The upstream's headers a client may see: rate limits, processing time and the like."""
    for name, value in headers:
        if name == b"connection" and value.lower() not in _USUAL:
            hops = {token.strip().lower() for token in value.split(b",")}
            headers = [pair for pair in headers if pair[0] not in hops]
            break
    return [pair for pair in headers if pair[0] not in _NOT_PASSED_BACK]


async def send_answer(x: "Exchange", status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """A whole answer of the upstream: its own status, headers and body."""
    out = passed_back(headers)
    out += own_headers(x)
    if x.reason is not None:
        out.append((b"x-interlock-reason", x.reason.encode()))
    x.status = status
    x.bytes_out += len(body)
    if x.wire is not None and x.wire.answer(status, out, body):
        return
    out.append((b"content-length", b"%d" % len(body)))
    await x.send({"type": "http.response.start", "status": status, "headers": out})
    await x.send({"type": "http.response.body", "body": body})


async def start_stream(x: "Exchange", headers: list[tuple[bytes, bytes]], piece: bytes) -> None:
    """The head of a committed stream and its first piece."""
    out = [pair for pair in passed_back(headers) if pair[0] not in (b"cache-control", b"x-accel-buffering")]
    out += _STREAM
    out += own_headers(x)
    x.status = 200
    x.head_sent = True
    x.bytes_out += len(piece)
    if x.wire is not None and piece and x.wire.start(out, piece):
        return
    await x.send({"type": "http.response.start", "status": 200, "headers": out})
    await x.send({"type": "http.response.body", "body": piece, "more_body": True})


async def send_piece(x: "Exchange", piece: bytes, *, last: bool = False) -> None:
    """One piece of a stream; `last` ends it cleanly."""
    x.bytes_out += len(piece)
    await x.send({"type": "http.response.body", "body": piece, "more_body": not last})


async def send_last_words(
    x: "Exchange", status: int, code: str, message: str, *, type: str | None = None
) -> None:
    """The error of a stream that has begun, in the form of its API; the connection is aborted after it."""
    if x.scanner is not None:
        error = OwnError(status, code, message, None, x.request_id, type)
        await send_piece(x, x.scanner.in_band(error))


async def send_refusal(
    x: "Exchange",
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    retry_after_s: int | None = None,
    type: str | None = None,
) -> None:
    """An error of our own in the client API's shape, with the reason as a header."""
    headers = [_JSON, (b"x-interlock-reason", code.encode()), *own_headers(x)]
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    if x.decision is not None and code != "shutdown":
        headers.append((b"x-should-retry", b"false"))  # one layer retries, and it has; elsewhere it may help
    x.reason = code
    body = x.surface.error_body(OwnError(status, code, message, param, x.request_id, type))
    await send_json(x.send, status, body, headers)
    x.status = status


async def send_json(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """A small answer of our own."""
    out: list[tuple[bytes, bytes]] = [*headers, (b"content-length", b"%d" % len(body))]
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": out}
    await send(start)
    await send({"type": "http.response.body", "body": body})
