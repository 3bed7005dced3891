"""The handle of one exchange: it reads from its connection until it is released, and never afterwards.

The rule kept: a handle outlives its exchange, a connection does too, but never with each other; each wait
checks that the exchange is still its own. The rival, handing out the connection itself, saved one small
object and let a late `release` close somebody else's request.
"""

import asyncio
import zlib
from collections.abc import Coroutine
from math import inf
from typing import Any

from interlock_upstream.connection import Connection, Sink
from interlock_upstream.encoding import Decoder, decoder_of
from interlock_upstream.errors import ClientMisused, FailureKind, Phase, UpstreamFailed
from interlock_upstream.parser import Headers

_CODED = (b"content-encoding", b"content-length")


class HttpResponse:
    """The `UpstreamResponse` of `HttpClient`; see the port for the contract."""

    __slots__ = ("_connection", "_decoder", "_piece_bytes", "headers", "status")

    def __init__(self, connection: Connection, piece_bytes: int) -> None:
        self.status = connection.status
        self.headers: Headers = connection.headers
        self._connection: Connection | None = connection
        self._piece_bytes = piece_bytes
        self._decoder: Decoder | None = None
        for name, value in self.headers:
            if name == b"content-encoding":
                self._decoder = decoder_of(value)
                if self._decoder is not None:
                    self.headers = [header for header in self.headers if header[0] not in _CODED]
                break

    def header(self, name: bytes) -> bytes | None:
        """The first value under a lower-case name."""
        for each, value in self.headers:
            if each == name:
                return value
        return None

    @property
    def complete(self) -> bool:
        """Whether the whole body has arrived; it may still wait to be read."""
        return self._connection is None or self._connection.done

    def next(self, idle_s: float) -> Coroutine[Any, Any, bytes | None]:
        """See the port. A plain method that returns the coroutine: one frame less for each chunk."""
        if self._decoder is not None:
            return self._next_decoded(self._decoder, idle_s, FailureKind.IDLE_TIMEOUT)
        return self._next_raw(idle_s, FailureKind.IDLE_TIMEOUT)

    async def pour(self, sink: Sink, idle_s: float) -> None:
        """See the port."""
        connection = self._connection
        if (
            connection is None
            or self._decoder is not None
            or connection.buffered
            or connection.done
            or connection.failure is not None
        ):
            return
        try:
            await connection.pour(sink, idle_s, FailureKind.IDLE_TIMEOUT)
        except BaseException:
            if self._connection is connection:
                connection.abort()
            raise
        finally:
            if self._connection is connection:
                connection.stop_pouring()

    async def read(self, max_bytes: int, idle_s: float, deadline_s: float | None = None) -> bytes:
        """See the port."""
        connection = self._connection
        if connection is not None and connection.done and self._decoder is None:
            body = connection.take()
            if len(body) > max_bytes:
                raise UpstreamFailed(
                    FailureKind.BODY_OVERFLOW, Phase.BODY, f"{len(body)} bytes, {max_bytes} allowed"
                )
            return body
        return await self._read_on(max_bytes, idle_s, inf if deadline_s is None else deadline_s)

    def release(self) -> None:
        """Give the connection back when the response is complete, else close it. Idempotent."""
        connection = self._connection
        if connection is not None:
            self._connection = None
            connection.release()

    async def _next_raw(self, limit_s: float, silence: FailureKind) -> bytes | None:
        connection = self._connection
        if connection is None:
            raise ClientMisused("the response was released")
        if not (connection.buffered or connection.done or connection.failure is not None):
            try:
                await connection.wait_body(limit_s, silence)
            except BaseException:
                if self._connection is connection:
                    connection.abort()
                raise
            if (
                self._connection is not connection
            ):  # released by another task meanwhile; the connection may be reused
                raise UpstreamFailed(FailureKind.RESET, Phase.BODY, "released while it was read")
        if connection.buffered:
            return connection.take()
        if connection.failure is not None:
            raise connection.failed(Phase.BODY)
        return None

    async def _next_decoded(self, decoder: Decoder, limit_s: float, silence: FailureKind) -> bytes | None:
        try:
            if decoder.has_more and (piece := decoder.decode(b"", self._piece_bytes)):
                return piece
            while (raw := await self._next_raw(limit_s, silence)) is not None:
                if piece := decoder.decode(raw, self._piece_bytes):
                    return piece
        except zlib.error as error:
            raise UpstreamFailed(FailureKind.MALFORMED, Phase.BODY, f"broken {decoder.coding}") from error
        if decoder.cut:
            raise UpstreamFailed(
                FailureKind.MALFORMED, Phase.BODY, f"{decoder.coding} that ends in its middle"
            )
        return None

    async def _read_on(self, max_bytes: int, idle_s: float, deadline_s: float) -> bytes:
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline_s
        pieces: list[bytes] = []
        size = 0
        while True:
            left = end - loop.time()
            if left <= 0 and not self.complete:
                raise UpstreamFailed(FailureKind.DEADLINE, Phase.BODY, "the time for the whole body is over")
            limit_s, silence = (
                (left, FailureKind.DEADLINE) if left < idle_s else (idle_s, FailureKind.IDLE_TIMEOUT)
            )
            if self._decoder is not None:
                piece = await self._next_decoded(self._decoder, limit_s, silence)
            else:
                piece = await self._next_raw(limit_s, silence)
            if piece is None:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            size += len(piece)
            if size > max_bytes:
                raise UpstreamFailed(FailureKind.BODY_OVERFLOW, Phase.BODY, f"more than {max_bytes} bytes")
            pieces.append(piece)
