"""What goes back to the client: heads, bodies and refusals, in the form of the client API.

Every answer carries the request id twice (openai reads `x-request-id`, anthropic `request-id`), the
served target, the number of attempts and the snapshot version. An answer that starts is finished or
aborted; nothing here ever closes a broken stream cleanly.
"""

from typing import TYPE_CHECKING, Any, Final

from interlock_gateway.asgi import Send
from interlock_gateway.hops import HOP_BY_HOP, USUAL, end_to_end
from interlock_protocols.errors import OwnError
from interlock_protocols.splice.exposed_model import ExposedModel

if TYPE_CHECKING:
    from interlock_gateway.exchange import Exchange

CLOSE: Final = (b"connection", b"close")
_NOT_PASSED_BACK: Final = HOP_BY_HOP | {
    b"content-length",
    b"content-encoding",
    b"date",
    b"server",
    # Ours stand there; the upstream's own id goes under a name of its own, for its support.
    b"x-request-id",
    b"request-id",
    b"x-upstream-request-id",
    b"x-interlock-target",
    b"x-interlock-attempts",
    b"x-interlock-snapshot",
    b"x-interlock-reason",
    b"x-interlock-model",
    b"x-interlock-repaired",
    # These speak of the upstream as a site, and would be taken for words of ours about this one.
    b"set-cookie",
    b"alt-svc",
    b"strict-transport-security",
    b"report-to",
    b"nel",
    b"access-control-allow-origin",
    b"access-control-allow-credentials",
    b"access-control-allow-headers",
    b"access-control-allow-methods",
    b"access-control-expose-headers",
    b"access-control-max-age",
}
_UPSTREAM_IDS: Final = (b"x-request-id", b"request-id")
_JSON: Final = (b"content-type", b"application/json")
STREAM_HEADERS: Final = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


def own_headers(x: "Exchange") -> list[tuple[bytes, bytes]]:
    """The headers every answer carries."""
    request_id = x.request_id.encode()
    attempts, running = x.attempts, x.running
    headers = [
        (b"x-request-id", request_id),
        (b"request-id", request_id),
        (b"x-interlock-attempts", b"%d" % (len(attempts) + len(running))),
        (b"x-interlock-snapshot", x.version.encode()),
    ]
    if running:
        going = running[-1] if x.served is None else x.served.attempt
        headers.append((b"x-interlock-target", going.target.id.encode()))
    elif attempts:
        headers.append((b"x-interlock-target", attempts[-1].target.encode()))
    if x.exposed is not None:
        headers += _upstreams_name(x, x.exposed)
    if x.request is not None and x.request.repairs:
        headers.append((b"x-interlock-repaired", ", ".join(sorted(x.request.repairs)).encode()))
    if x.gw.stopping:
        headers.append(CLOSE)
        x.wire = None  # only the server's own way of writing closes after an answer that says so
    return headers


def _upstreams_name(x: "Exchange", exposed: ExposedModel) -> list[tuple[bytes, bytes]]:
    """The name that the pool's stands in for; one that would not be a header value is left out."""
    name = exposed.served if x.served is None else x.served.scanner.model
    plain = name is not None and name.isascii() and name.isprintable()
    return [(b"x-interlock-model", name.encode())] if name and plain else []


def passed_back(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The upstream's headers a client may see: rate limits, processing time and the like."""
    kept = []
    theirs = b""
    for pair in headers:
        name = pair[0]
        if name not in _NOT_PASSED_BACK:
            kept.append(pair)
        elif name in _UPSTREAM_IDS:
            theirs = theirs or pair[1]
        elif name == b"connection" and pair[1].lower() not in USUAL:
            return passed_back(end_to_end(headers))
    if theirs:
        kept.append((b"x-upstream-request-id", theirs))
    return kept


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


async def start_stream(
    x: "Exchange", headers: list[tuple[bytes, bytes]], piece: bytes, *, whole: bool = False
) -> bool:
    """The head of a committed stream and its first piece; True: `whole`, and its end has gone out with it."""
    if x.early is not None and await x.early.over():
        await send_piece(x, piece)
        return False
    if x.exposed is not None:
        piece = x.exposed.piece(piece)
    out = [pair for pair in passed_back(headers) if pair[0] not in (b"cache-control", b"x-accel-buffering")]
    out += STREAM_HEADERS
    out += own_headers(x)
    x.status = 200
    x.head_sent = True
    x.bytes_out += len(piece)
    if x.wire is not None and piece and x.wire.start(out, piece, whole=whole):
        return whole
    await x.send({"type": "http.response.start", "status": 200, "headers": out})
    await x.send({"type": "http.response.body", "body": piece, "more_body": True})
    return False


async def send_piece(x: "Exchange", piece: bytes, *, last: bool = False) -> None:
    """One piece of a stream; `last` ends it cleanly."""
    if x.exposed is not None:
        piece = x.exposed.piece(piece)
    x.bytes_out += len(piece)
    if last and piece and x.wire is not None and x.wire.last(piece):
        return
    await x.send({"type": "http.response.body", "body": piece, "more_body": not last})


async def send_last_words(
    x: "Exchange",
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    type: str | None = None,
    said: dict[str, Any] | None = None,
) -> None:
    """The error of a stream that has begun, in the form of its API; the connection is aborted after it."""
    if x.served is not None:
        scanner = x.served.scanner
    elif x.surface.scanner is not None:  # the head went out early, and nothing followed
        scanner = x.surface.scanner(hold_events=0, hold_bytes=0)
    else:
        return
    error = OwnError(status, code, message, param, x.request_id, type, said)
    await send_piece(x, scanner.in_band(error) if x.shown is None else x.shown.in_band(scanner, error))


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
    if x.early is not None and await x.early.over():
        x.reason = code
        await send_last_words(x, status, code, message, param=param, type=type)
        return
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
