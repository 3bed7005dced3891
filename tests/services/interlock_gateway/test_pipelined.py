"""Requests that a client sends before it has its answers: one that cannot be read, and one that leaves."""

import asyncio
import gc
import logging
from collections.abc import Callable

import pytest

from interlock_domain.words import Result
from interlock_testing.behaviour import At, healthy, stall
from interlock_testing.running import declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import connected, newest, request

GARBAGE = b"\x00\x01 no request\r\n\r\n"
MODELS = b"GET /v1/models HTTP/1.1\r\nHost: g\r\n\r\n"


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[logging.LogRecord]]:
    """What is logged as an error from here on: what other tests left to the collector is told before."""
    gc.collect()
    caplog.clear()
    return lambda: [one for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.mark.parametrize("waiting", [0, 1, 2])
async def test_what_cannot_be_read_ends_what_runs_before_it_unless_it_speaks_already(atlas, errors, waiting):
    atlas.behaviour = stall(At.HEADERS)
    async with running(declaring({"atlas": atlas.url})) as loop:
        gateway = loop.gateway.service.gateway
        async with connected(loop.gateway.port) as client:
            await client.send(request() + request() * waiting)
            await until(lambda: atlas.open, what="the first call")
            await client.send(GARBAGE)
            answer = await client.rest()
        await until(lambda: not gateway.exchanges, what="the request to end")
        await until(lambda: not atlas.connected, what="the call to be closed")
        assert (await newest(loop)).result is Result.CLIENT_ABORT
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert atlas.attempts == 1
    assert not errors()


async def test_a_refusal_is_never_put_into_a_stream_that_runs(atlas, errors):
    atlas.behaviour = healthy(chunks=1000, interval_ms=5)
    async with running(declaring({"atlas": atlas.url})) as loop:
        gateway = loop.gateway.service.gateway
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True) + MODELS)
            begun = await client.until(b"word3")
            await client.send(GARBAGE)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.until(b"HTTP/1.1 ")
        await until(lambda: not gateway.exchanges, what="the stream to end")
    assert begun.count(b"HTTP/1.1 ") == 1
    assert not errors()


async def test_a_client_that_leaves_cancels_the_call_although_more_requests_wait(atlas):
    atlas.behaviour = stall(At.HEADERS)
    async with running(declaring({"atlas": atlas.url})) as loop:
        gateway = loop.gateway.service.gateway
        async with connected(loop.gateway.port) as client:
            await client.send(request() + request() + MODELS)
            await until(lambda: atlas.open, what="the first call")
        await until(lambda: not gateway.exchanges, what="the request to end")
        await until(lambda: not atlas.connected, what="the call to be closed")
        assert (await newest(loop)).result is Result.CLIENT_ABORT
    assert atlas.attempts == 1
