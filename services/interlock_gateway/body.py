"""Reading a request body within its limit."""

from msgspec import Struct

from interlock_domain.words import Result
from interlock_gateway.exchange import Exchange


class BodyRefused(Struct, frozen=True):
    """The body is not taken; what the client is told."""

    status: int
    code: str
    message: str


async def read_body(x: Exchange, limit: int) -> bytes | BodyRefused:
    """The whole body as bytes; one message is the usual case and is not copied."""
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
            return BodyRefused(
                413, "body_too_large", f"the request body is larger than {limit} bytes (server.max_body)"
            )
        if not message.get("more_body", False):
            return b"".join([*pieces, piece]) if pieces else piece
        pieces.append(piece)
