"""What ends a race from outside, or from a mistake of ours, and what a race leaves behind: nothing."""

import asyncio

import pytest

from interlock_domain.attempt.record import in_order
from interlock_domain.events import AttemptFailed
from interlock_domain.words import Outcome, Result
from interlock_testing.behaviour import At, Behaviour, Kind, healthy, stall
from interlock_testing.misbehave import MisbehavingServer, Peer
from interlock_testing.running import GatewayOptions, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.races import (
    SLOW,
    STARTED,
    ActingClient,
    ask,
    both,
    both_called,
    counted_hedges,
    one_ended,
    racing,
)
from tests.services.interlock_gateway.wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    connected,
    given_back,
    newest,
    pieces,
    request,
)


async def test_a_client_that_leaves_ends_both(atlas, breeze):
    atlas.behaviour = breeze.behaviour = stall(At.PREAMBLE)
    async with running(both(atlas, breeze, racing())) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await both_called(atlas, breeze)
        await until(lambda: atlas.abandoned == breeze.abandoned == 1, what="both connections to be closed")
        record = await newest(loop)
        await given_back(loop)
        facts = await loop.facts(AttemptFailed)
        counted = await counted_hedges(loop)
    assert record.result is Result.CLIENT_ABORT
    assert [(a.outcome, a.hedge) for a in in_order(record.attempts)] == [
        (Outcome.ABORTED, False),
        (Outcome.ABORTED, True),
    ]
    assert (facts, counted) == ([], {STARTED: 1.0})


async def test_a_client_that_leaves_while_the_hedge_alone_runs_ends_it(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=100)
    breeze.behaviour = stall(At.PREAMBLE)
    async with running(both(atlas, breeze, racing())) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await both_called(atlas, breeze)
            atlas.release()
            await until(lambda: loop.facts(AttemptFailed), what="the first to have failed")
        await until(lambda: breeze.abandoned == 1, what="the hedge's connection to be closed")
        record = await newest(loop)
    assert record.result is Result.CLIENT_ABORT
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.FAILED, Outcome.ABORTED]


@pytest.mark.parametrize(
    "first", [SLOW, Behaviour(kind=Kind.FAIL, status=503, latency_ms=60)], ids=["racing", "failed"]
)
async def test_a_client_that_leaves_as_the_hedge_wins_counts_for_more(atlas, breeze, first):
    atlas.behaviour, breeze.behaviour = first, healthy(first_token_ms=200, interval_ms=20, chunks=200)

    def leave() -> None:
        for x in loop.gateway.service.gateway.exchanges:
            x.interrupt(Result.CLIENT_ABORT)

    client = ActingClient("breeze", leave)
    config = both(atlas, breeze, racing())
    async with running(config, options=GatewayOptions(client=client)) as loop:
        async with connected(loop.gateway.port) as raw:
            await raw.send(request(stream=True))
            await both_called(atlas, breeze)
            if first is not SLOW:
                atlas.release()
                await until(lambda: loop.facts(AttemptFailed), what="the first to have failed")
            breeze.release()
            await raw.rest()
        record = await newest(loop)
        await until(lambda: breeze.abandoned == 1, what="the hedge's connection to be closed")
        await given_back(loop)
        assert client.held == 0
    assert record.result is Result.CLIENT_ABORT
    assert [a.outcome for a in in_order(record.attempts)] == [
        Outcome.ABORTED if first is SLOW else Outcome.FAILED,
        Outcome.ABORTED,
    ]


@pytest.mark.parametrize(
    ("first", "status"),
    [(healthy(first_token_ms=300), 200), (Behaviour(kind=Kind.FAIL, status=503, latency_ms=60), 502)],
)
async def test_a_bug_in_a_hedge_costs_the_hedge_and_not_the_stream_beside_it(atlas, breeze, first, status):
    def stumble() -> None:
        raise ZeroDivisionError("a bug")

    atlas.behaviour, breeze.behaviour = first, healthy(first_token_ms=100)
    client = ActingClient("breeze", stumble)
    policy = racing(attempts="retries_per_target: 0")
    async with running(both(atlas, breeze, policy), options=GatewayOptions(client=client)) as loop:
        asked = ask(loop)
        await both_called(atlas, breeze)
        before, after = (breeze, atlas) if status == 200 else (atlas, breeze)
        before.release()
        await until(one_ended(loop), what="the end of that attempt")
        after.release()
        answer = await asked
        record = await newest(loop)
        facts = await loop.facts(AttemptFailed)
        await given_back(loop)
        assert client.held == 0
    assert answer.status_code == status
    hedge = in_order(record.attempts)[1]
    assert (hedge.hedge, hedge.outcome, hedge.failure) == (True, Outcome.ABORTED, None)
    assert all(fact.target == "atlas/large" for fact in facts)


async def test_a_stopping_gateway_ends_both(atlas, breeze):
    atlas.behaviour = breeze.behaviour = stall(At.PREAMBLE)
    async with running(both(atlas, breeze, racing())) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await both_called(atlas, breeze)
            await loop.gateway.service.stop(drain_s=0.0, flush_s=20.0)
            status, body = await client.answer()
        record = await newest(loop)
    assert (status, body["error"]["code"]) == (503, "shutdown")
    assert record.result is Result.SHUTDOWN
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.ABORTED, Outcome.ABORTED]


async def test_two_that_commit_together_give_one_answer(atlas, breeze):
    """Both say everything in one moment, many times over: never two answers, never none."""
    both_open = asyncio.Event()
    waiting = 0

    async def script(peer: Peer) -> None:
        nonlocal waiting, both_open
        answer = STREAM_HEAD + pieces(chunk(), chunk("hi"), chunk(finish="stop"), DONE) + LAST_CHUNK
        while True:
            await peer.request()
            waiting += 1
            gate = both_open
            if waiting == 2:
                waiting, both_open = 0, asyncio.Event()
                gate.set()
            await gate.wait()
            await peer.send(answer)

    rounds = 40
    async with MisbehavingServer(script) as one, MisbehavingServer(script) as two:
        config = declaring({"atlas": f"{one.url}/v1", "breeze": f"{two.url}/v1"}, policy=racing("5ms"))
        async with running(config) as loop:
            for _ in range(rounds):
                answer = await loop.chat(stream=True)
                assert answer.text.count("hi") == 1
                assert answer.text.endswith("data: [DONE]\n\n")
                record = await newest(loop)
                assert sorted(a.outcome for a in in_order(record.attempts)) == [
                    Outcome.LOST,
                    Outcome.SUCCEEDED,
                ]
                assert record.result is Result.ANSWERED
            await given_back(loop)
            assert await loop.facts(AttemptFailed) == []


async def test_races_leave_no_task_and_no_connection_behind(atlas, breeze):
    atlas.behaviour, breeze.behaviour = SLOW, healthy()
    async with running(both(atlas, breeze, racing("10ms"))) as loop:
        await loop.chat(stream=True)
        await until(lambda: atlas.open == 0, what="the loser to be gone")
        await loop.pause()  # its projector has two tasks more while it waits than while it works
        tasks = len(asyncio.all_tasks())
        for _ in range(20):
            await loop.chat(stream=True)
        await until(lambda: atlas.open == breeze.open == 0, what="the losers to be gone")
        await until(lambda: len(asyncio.all_tasks()) <= tasks, what="their tasks to be gone")
        await given_back(loop)
        assert loop.gateway.service.gateway.client.stats().open <= 2
    assert atlas.abandoned == 21
