"""Answers written in one piece, where the server lets us at its connection.

ASGI takes an answer apart: a head, then pieces, each a dictionary, an awaited call and a system call of
its own, with every header checked by two regular expressions. Our server offers more (`ApiProtocol`
puts its request cycle into `scope["extensions"]`): head and body leave in one write, and a piece of a
stream is one write without a call in between. What is written is framed here exactly as uvicorn does;
on any other server `Wire.of` is None and the ordinary messages are sent.

Header values come from the parser of the upstream's answer or from ourselves, so none can end a line;
one count over the joined block proves it all the same.
"""

from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from interlock_gateway.asgi import Scope
from interlock_gateway.client_head import Memory

_line: Final = b": ".join
EXTENSION: Final = "interlock.wire"
Headers = list[tuple[bytes, bytes]]


class Wire:
    """The connection of one request, to write its answer on."""

    __slots__ = ("_cycle", "_transport")

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle
        self._transport = cycle.transport

    @classmethod
    def of(cls, scope: Scope) -> "Wire | None":
        """The wire of a request; None when its server has none to offer, or when it was taken before.

        Taken out of the scope: the cycle holds the scope, and each request would be left to the collector.
        """
        extensions = scope.get("extensions")
        cycle = extensions.pop(EXTENSION, None) if extensions else None
        return None if cycle is None else cls(cycle)

    @property
    def memory(self) -> Memory:
        """What is kept beside the connection."""
        memory: Memory = self._cycle.memory
        return memory

    def body(self) -> bytes | None:
        """The body of the request, once, when all of it is here; None: receive it."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.flow.resume_reading()
        return body

    def tell_gone(self, gone: Callable[[], None] | None) -> None:
        """Call this when the client leaves before its answer is whole; None: nobody asks any more."""
        self._cycle.gone = gone
        if gone is not None and self._cycle.disconnected:
            gone()

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """A whole answer; False: not written, send it the ordinary way."""
        cycle = self._cycle
        if cycle.flow.write_paused:
            return False
        head = _head(status, headers, b"content-length: %d\r\n" % len(body), keep_alive=cycle.keep_alive)
        if head is None:
            return False
        if not cycle.disconnected:
            cycle.response_started = True
            self._transport.write(head + body)
            self._complete()
        return True

    def start(self, headers: Headers, piece: bytes, *, whole: bool = False) -> bool:
        """The head of a stream with its first piece, and its end when that is `whole`; False: not written."""
        cycle = self._cycle
        if cycle.flow.write_paused:
            return False
        head = _head(200, headers, b"transfer-encoding: chunked\r\n", keep_alive=cycle.keep_alive)
        if head is None:
            return False
        if not cycle.disconnected:
            cycle.response_started = True
            cycle.chunked_encoding = True
            end = b"0\r\n\r\n" if whole else b""
            self._transport.write(b"%b%x\r\n%b\r\n%b" % (head, len(piece), piece, end))
            if whole:
                self._complete()
        return True

    def piece(self, piece: bytes) -> bool:
        """One piece of a stream that has started, not empty; False: the client reads slowly, wait for it."""
        cycle = self._cycle
        if cycle.flow.write_paused:
            return False
        if not cycle.disconnected:
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return True

    def last(self, piece: bytes) -> bool:
        """The last piece of a stream, not empty, and its end; False: not written."""
        cycle = self._cycle
        if cycle.flow.write_paused:
            return False
        if not cycle.disconnected:
            self._transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(piece), piece))
            self._complete()
        return True

    def _complete(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._transport.close()
        cycle.on_response()


def _head(status: int, headers: Headers, framing: bytes, *, keep_alive: bool) -> bytes | None:
    """The head, ready to write; None when a value would break it."""
    block = b"\r\n".join(map(_line, headers))
    ends = len(headers) - 1
    if block.count(b"\n") != ends or block.count(b"\r") != ends:
        return None
    close = b"" if keep_alive else b"connection: close\r\n"
    return b"%b%b\r\n%b%b\r\n" % (STATUS_LINE[status], block, framing, close)
