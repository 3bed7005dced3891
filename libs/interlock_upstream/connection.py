"""One connection: an asyncio protocol that is its own parser, its own buffer and its own timer.

It owns the transport and the single future somebody may be waiting on. The rule kept: every way out ends in
`abort` or in `release`, and the transport's `connection_lost` is the only place where a connection leaves its
pool, so nothing is counted twice and nothing is forgotten. The rival, asyncio streams, was dropped: a
StreamReader copies every byte once more and creates a coroutine, a future and a buffer scan for each line.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final, Protocol, cast

from interlock_upstream.errors import FailureKind, Phase, UpstreamFailed
from interlock_upstream.failures import classify, describe
from interlock_upstream.limits import Limits
from interlock_upstream.origin import PoolKey
from interlock_upstream.parser import ResponseParser
from interlock_upstream.timeouts import LazyTimer

# Up to here one copy is cheaper than handing the kernel two buffers.
_JOIN_BELOW: Final = 64 * 1024

Sink = Callable[[bytes], bool]
"""Takes a piece of a body as it arrives; False: it wants no more of them."""


class Owner(Protocol):
    """Who counts connections."""

    def give_back(self, connection: "Connection") -> None:
        """Take a connection that may carry another request."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Stop counting a connection whose socket is gone; called any number of times."""
        ...


class Connection(ResponseParser, asyncio.Protocol):
    """One exchange at a time: `exchange`, `wait_body` as often as needed, then `release` or `abort`."""

    __slots__ = (
        "_headers_s", "_loop", "_owner", "_paused", "_sink", "_sink_s", "_timeout", "_timer",
        "_transport", "_waiter", "_wants_body", "busy", "closed", "dialled_s", "forward", "idle_since", "key",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits, owner: Owner, key: PoolKey) -> None:
        super().__init__(limits)
        self.key = key
        self.busy = False
        self.closed = False
        self.idle_since = 0.0
        self.dialled_s = 0.0
        self.forward: Callable[[bytes], bytes] | None = None
        self._loop = loop
        self._owner = owner
        self._paused = False
        self._timeout = FailureKind.HEADERS_TIMEOUT
        self._timer = LazyTimer(loop, self._expired)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._wants_body = False
        self._headers_s = inf
        self._sink: Sink | None = None
        self._sink_s = inf

    @property
    def attached(self) -> bool:
        """Whether there is a socket to close."""
        return self._transport is not None

    def usable(self) -> bool:
        """Whether another request may be written: the peer may have left since the last one."""
        return not self.closed and self._transport is not None and not self._transport.is_closing()

    def exchange(self, head: bytes, body: bytes, headers_s: float) -> asyncio.Future[None]:
        """Write a request; the future is done when its response head is there or `failure` is set."""
        transport = self._transport
        if transport is None:
            raise RuntimeError("a connection carries requests only after it was made")
        self.begin(bodyless=head.startswith(b"HEAD "))
        self.busy = True
        self._wants_body = False
        self._headers_s = headers_s
        if self.forward is not None:
            head = self.forward(head)
        if len(body) <= _JOIN_BELOW:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        return self._wait(headers_s, FailureKind.HEADERS_TIMEOUT)

    def wait_body(self, limit_s: float, timeout: FailureKind) -> asyncio.Future[None]:
        """The future is done when body bytes, the end or a `failure` is there; silence becomes `timeout`."""
        self._wants_body = True
        return self._wait(limit_s, timeout)

    def pour(self, sink: Sink, limit_s: float, timeout: FailureKind) -> asyncio.Future[None]:
        """Give `sink` each piece as it arrives; done when it wants no more, or as `wait_body`."""
        self._sink = sink
        self._sink_s = limit_s
        return self.wait_body(limit_s, timeout)

    def stop_pouring(self) -> None:
        """From here on pieces wait to be taken."""
        self._sink = None

    def take(self) -> bytes:
        """Hand out all body bytes that have arrived as one piece, and read on if there were too many."""
        pieces = self._pieces
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.buffered = 0
        if self._paused:
            self._resume()
        return piece

    def failed(self, phase: Phase) -> UpstreamFailed:
        """The noted failure as an exception, a new one each time: a kept one would keep its frames."""
        kind, detail, cause = self.failure or (FailureKind.RESET, "the connection is gone", None)
        error = UpstreamFailed(kind, phase, detail)
        error.__cause__ = cause
        return error

    def release(self) -> None:
        """End the exchange: back to the pool when the response arrived whole and alone, else closed."""
        transport = self._transport
        if (
            self.done
            and self.keep_alive
            and not self.poisoned
            and not self.closed
            and transport is not None
            and not transport.is_closing()
            # Answered before it had read the request: it may never read it.
            and not transport.get_write_buffer_size()
        ):
            self.busy = False
            self._pieces.clear()
            if self._paused:
                self._resume()
            self.idle_since = self._loop.time()
            self._owner.give_back(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once, from any state; a waiting reader sees a reset. Idempotent."""
        if self.busy and not self.done:
            self.fail(FailureKind.RESET, "closed on this side")
        self.closed = True
        self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wait(self, limit_s: float, timeout: FailureKind) -> asyncio.Future[None]:
        self._timeout = timeout
        self._timer.expire_at(self._loop.time() + limit_s)
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            self._timer.deadline = inf
            if not waiter.done():
                waiter.set_result(None)

    def _expired(self) -> None:
        self.fail(self._timeout, "silence beyond the limit")
        self.abort()

    def _resume(self) -> None:
        self._paused = False
        if self._transport is not None and self.usable():
            self._transport.resume_reading()

    # ------------------------------------------------------------------ called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's transports do not inherit from asyncio's
        if self.closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self.busy:
            # Nobody asked: whatever this is, it must not be there when the next request is written.
            self.abort()
            return
        self.feed(data)
        if self.failure is not None or self.poisoned:
            self.abort()
            return
        if self.buffered > self._limits.buffer_bytes and not self._paused and self.usable():
            self._paused = True
            cast("asyncio.Transport", self._transport).pause_reading()
        waiter = self._waiter
        if waiter is None:
            return
        if self._sink is not None and self._pieces:
            self._hand_on(self._sink, waiter)
        elif self._pieces or self.done or (self.head_done and not self._wants_body):
            self._wake()

    def _hand_on(self, sink: Sink, waiter: asyncio.Future[None]) -> None:
        """Pour; nobody is woken as long as the sink wants more and more may come."""
        try:
            if sink(self.take()) and not self.done:
                self._timer.deadline = self._loop.time() + self._sink_s
                return
        except Exception as bug:  # noqa: BLE001  it belongs to the request, not to the loop
            if not waiter.done():
                waiter.set_exception(bug)
        self._sink = None
        self._wake()

    def resume_writing(self) -> None:
        """A long request has left: its time for headers starts now."""
        if self._waiter is not None and not self._wants_body:
            self._timer.expire_at(self._loop.time() + self._headers_s)

    def eof_received(self) -> None:
        self._over(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._over(exc)
        self._timer.cancel()
        self._transport = None
        del (
            self._parser
        )  # it holds bound methods of this object; cutting the cycle frees both without the collector
        self._owner.forget(self)

    def _over(self, error: BaseException | None) -> None:
        self.closed = True
        if self.busy:
            if error is None:
                self.end()
            elif not self.done:
                self.fail(classify(error, Phase.BODY), describe(error), error)
        self._wake()
