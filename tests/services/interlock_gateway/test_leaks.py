"""Attempts that fail leave nothing behind: no connection, no task, no entry in any book."""

import asyncio
import gc

import pytest

from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail, stall
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import connected, given_back, request

# A tenth of the attempts of requirement B4 times the ways to fail, so that the suite stays short.
ROUNDS = 25
POLICY = (
    "{attempts: {retries_per_target: 0}, timeouts: {first_token: 60ms, response: 60ms, stall: 60ms}, "
    "budgets: {retry_floor_per_s: 10000}, cooldown: {strikes: 1000, consecutive: 1000}}"
)
WAYS = {
    "500": fail(500),
    "reset": Behaviour(kind=Kind.RESET),
    "cut before headers": cut(At.HEADERS),
    "cut in the preamble": cut(At.PREAMBLE),
    "stall before headers": stall(At.HEADERS),
    "stall in the preamble": stall(At.PREAMBLE),
    "html": Behaviour(kind=Kind.HTML),
    "error in 200": error_in_200(At.PREAMBLE),
    "malformed": Behaviour(kind=Kind.MALFORMED, at=At.PREAMBLE),
    "no stream": Behaviour(kind=Kind.NO_STREAM),
}


async def _round(loop: RunningLoop) -> None:
    await asyncio.gather(*(loop.chat(stream=n % 2 == 0) for n in range(ROUNDS)))


def _tasks() -> int:
    return len([task for task in asyncio.all_tasks() if not task.done()])


@pytest.mark.timeout(180)
async def test_hundreds_of_failed_attempts_leave_nothing_behind(atlas, breeze):
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=POLICY)
    async with running(config) as loop:
        gateway = loop.gateway.service.gateway
        await loop.pause()  # its projector has two tasks more while it waits than while it works
        await _round(loop)
        await until(lambda: not gateway.exchanges, what="the first requests to end")
        tasks = _tasks()
        for behaviour in WAYS.values():
            atlas.behaviour = breeze.behaviour = behaviour
            await _round(loop)
            await until(lambda: not gateway.exchanges, what="the requests to end")
            await given_back(loop)
            await until(lambda: atlas.open + breeze.open == 0, what="the upstreams to be free")
        while atlas.attempts + breeze.attempts < 500:  # some of a slow machine time out before they arrive
            await _round(loop)
            await until(lambda: not gateway.exchanges, what="the requests to end")
        assert atlas.attempts + breeze.attempts >= 500
        await until(lambda: _tasks() <= tasks, what="every task to be gone")
        await until(
            lambda: atlas.connected + breeze.connected <= gateway.client.stats().idle,
            what="the sockets of failed attempts to be closed",
        )
    assert gateway.client.stats().open == 0
    await until(lambda: atlas.connected + breeze.connected == 0, what="every socket to be closed")


async def test_a_request_that_is_over_is_freed_without_the_collector(atlas):
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from interlock_gateway.exchange import Exchange

    gc.collect()
    gc.disable()
    try:
        async with running(declaring({"atlas": atlas.url})) as loop:
            for stream in (False, True) * 20:
                await loop.chat(stream=stream)
            await until(lambda: not loop.gateway.service.gateway.exchanges, what="the requests to end")
            await asyncio.sleep(0)
            alive = sum(isinstance(one, Exchange) for one in gc.get_objects())
            cycles = sum(isinstance(one, RequestResponseCycle) for one in gc.get_objects())
    finally:
        gc.enable()
    assert alive <= 1
    assert cycles <= 4  # of 40: the last one of each connection, and a provider of this process has some


async def test_names_that_clients_invent_share_the_connections_of_their_provider(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        for n in range(40):
            assert (await loop.chat(f"atlas/invented-{n}")).status_code == 200
        assert loop.gateway.service.gateway.client.stats().open == 1
        assert atlas.connected == 1
        assert (await loop.chat("atlas/large")).status_code == 200  # declared: it has its own
        assert loop.gateway.service.gateway.client.stats().open == 2


async def test_a_thousand_clients_that_leave_cost_nothing_that_stays(atlas):
    atlas.behaviour = stall(At.HEADERS)
    async with running(declaring({"atlas": atlas.url})) as loop:
        gateway = loop.gateway.service.gateway
        for _ in range(4):

            async def leave() -> None:
                async with connected(loop.gateway.port) as client:
                    await client.send(request(stream=True))
                    await until(lambda: gateway.exchanges, what="the request")

            await asyncio.gather(*(leave() for _ in range(50)))
        # All at once: a request may be read after its client has left.
        await until(
            lambda: not gateway.exchanges and atlas.connected == 0 and gateway.client.stats().open == 0,
            timeout_s=20,
            what="every slot to be free and every call to be closed",
        )
