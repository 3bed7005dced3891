"""What the tests of this package share: short limits, a request in one call, and waiting for a condition."""

import asyncio
import time
from collections.abc import Callable

from interlock_upstream import (
    FailureKind,
    HttpClient,
    Origin,
    PhaseLimits,
    UpstreamRequest,
    UpstreamResponse,
    build_head,
)
from interlock_upstream.response import HttpResponse
from interlock_upstream.timeouts import LazyTimer

PATIENT = PhaseLimits(connect_s=30.0, headers_s=30.0)
HASTY_CONNECT = PhaseLimits(connect_s=0.2, headers_s=30.0)
HASTY_HEADERS = PhaseLimits(connect_s=30.0, headers_s=0.2)
IDLE_S = 30.0
SILENT = (FailureKind.CONNECT_TIMEOUT, FailureKind.HEADERS_TIMEOUT, FailureKind.IDLE_TIMEOUT)
MANY = 1 << 30

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def request(  # one knob for each field a test may care about
    url: str,
    path: bytes = b"/",
    *,
    method: bytes = b"POST",
    body: bytes = b"",
    resendable: bool = True,
    pool_key: str = "",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> UpstreamRequest:
    origin, base = Origin.parse(url)
    head = build_head(method, base + path, origin.authority, b"", headers, len(body))
    return UpstreamRequest(origin, head, body, resendable, pool_key)


def limits_to_see(kind: FailureKind) -> PhaseLimits:
    """A short one only where a test waits for silence; everything else may take its time."""
    if kind is FailureKind.CONNECT_TIMEOUT:
        return HASTY_CONNECT
    return HASTY_HEADERS if kind in SILENT else PATIENT


def dialled_in(client: HttpClient, seconds: float) -> None:
    """Say how long it took to dial the connections of the pool.

    What counts as stale depends on it: after a long one a machine may stand still, after none it may not.
    """
    for bucket in client._pool._buckets.values():
        for connection in bucket.members:
            connection.dialled_s = seconds


async def fetch(client: HttpClient, asked: UpstreamRequest) -> tuple[UpstreamResponse, bytes]:
    """Send, read all, release."""
    response = await client.send(asked, PATIENT)
    try:
        return response, await response.read(MANY, IDLE_S)
    finally:
        response.release()


def timer_of(response: UpstreamResponse) -> LazyTimer:
    """The timer of the connection a response comes by: its deadline says when silence is over."""
    assert isinstance(response, HttpResponse)
    assert response._connection is not None
    return response._connection._timer


async def pieces_of(response: UpstreamResponse, idle_s: float = IDLE_S) -> list[bytes]:
    pieces = []
    while (piece := await response.next(idle_s)) is not None:
        pieces.append(piece)
    return pieces


async def until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Wait for a condition, and fail when it does not come true in time."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        await asyncio.sleep(0.002)
