"""Reading a request body within its limit."""

from msgspec import Struct

from interlock_domain.words import Result
from interlock_gateway.asgi import HeaderPairs
from interlock_gateway.exchange import Exchange


class BodyRefused(Struct, frozen=True):
    """The body is not taken; what the client is told."""

    status: int
    code: str
    message: str


async def read_body(x: Exchange, limit: int) -> bytes | BodyRefused:
    """The whole body as bytes; one message is the usual case and is not copied."""
    whole = None if x.wire is None else x.wire.body()
    if whole is not None:
        return whole if len(whole) <= limit else _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await x.receive()
        if message["type"] == "http.disconnect":
            x.result = Result.CLIENT_ABORT
            return BodyRefused(400, "incomplete_body", "the connection closed inside the request body")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            return _too_large(limit)
        if not message.get("more_body", False):
            return b"".join([*pieces, piece]) if pieces else piece
        if not pieces and _announced(x.headers) > limit:
            return _too_large(limit)  # at once: who announces it need not send it first
        pieces.append(piece)


def _too_large(limit: int) -> BodyRefused:
    message = f"the request body is larger than {limit} bytes (server.max_body)"
    return BodyRefused(413, "body_too_large", message)


def _announced(headers: HeaderPairs) -> int:
    """The length that the head states; the parser has let only numbers pass."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)
