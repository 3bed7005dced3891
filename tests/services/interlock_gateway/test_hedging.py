"""The race for the first content over real sockets: who wins, and what the loser leaves behind."""

import asyncio

import pytest

from interlock_domain.attempt.record import in_order
from interlock_domain.events import AttemptFailed, AttemptSucceeded
from interlock_domain.words import FailureClass, Outcome, Phase, Result, SkipReason
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail, healthy, stall
from interlock_testing.misbehave import MisbehavingServer, Peer
from interlock_testing.running import GatewayOptions, RunningLoop, declaring, running
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.services.interlock_gateway.races import (
    SLOW,
    STARTED,
    WON,
    ActingClient,
    both,
    counted_hedges,
    racing,
)
from tests.services.interlock_gateway.wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    connected,
    newest,
    pieces,
    request,
    sdk,
    streamed,
)


async def _text(loop: RunningLoop) -> str:
    async with sdk(loop) as client:
        return await streamed(client)


SLOW_WAYS = {
    "slow to its head": healthy(latency_ms=5_000),
    "slow to its first content": SLOW,
    "silent before its head": stall(At.HEADERS),
    "silent after its preamble": stall(At.PREAMBLE),
}


@pytest.mark.parametrize("behaviour", SLOW_WAYS.values(), ids=SLOW_WAYS)
async def test_a_slow_stream_is_overtaken_and_ended_at_once(atlas, breeze, behaviour):
    atlas.behaviour = behaviour
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat(stream=True)
        await until(lambda: atlas.abandoned == 1, what="the loser's connection to be closed")
        record = await newest(loop)
        counted = await counted_hedges(loop)
        gateway = loop.gateway.service.gateway
        assert gateway.client.stats().in_use == 0
        assert gateway.local.suspects == set()
        failed, succeeded = await loop.facts(AttemptFailed), await loop.facts(AttemptSucceeded)
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert answer.headers["x-interlock-attempts"] == "2"
    assert answer.text.endswith("data: [DONE]\n\n")
    assert answer.text.count('"role"') == 1
    assert (record.result, record.target) == (Result.ANSWERED, "breeze/large")
    lost, won = in_order(record.attempts)
    assert (lost.number, lost.target, lost.outcome, lost.hedge) == (1, "atlas/large", Outcome.LOST, False)
    assert (won.number, won.target, won.outcome, won.hedge) == (2, "breeze/large", Outcome.SUCCEEDED, True)
    assert (lost.failure, lost.phase, lost.ttft_ms) == (None, None, None)
    assert lost.started_ms < won.started_ms <= lost.ended_ms <= won.ended_ms < 2_000
    assert won.ttft_ms is not None
    assert record.ttfc_ms is not None
    assert record.ttfc_ms < 1_000
    assert (failed, succeeded) == ([], [])
    assert counted == {STARTED: 1.0, WON: 1.0}


async def test_a_stream_that_is_quick_enough_is_not_raced(atlas, breeze):
    atlas.behaviour = healthy(first_token_ms=20, interval_ms=100)
    async with running(both(atlas, breeze, racing("200ms"))) as loop:
        await _text(loop)
        record = await newest(loop)
        counted = await counted_hedges(loop)
    assert [(a.outcome, a.hedge) for a in in_order(record.attempts)] == [(Outcome.SUCCEEDED, False)]
    assert (breeze.attempts, counted) == (0, {})


async def test_a_hedge_that_is_slower_is_ended_at_once_and_leaves_no_trace(atlas, breeze):
    atlas.behaviour, breeze.behaviour = healthy(first_token_ms=150), SLOW
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat(stream=True)
        await until(lambda: breeze.abandoned == 1, what="the hedge's connection to be closed")
        record = await newest(loop)
        counted = await counted_hedges(loop)
        facts = await loop.facts(AttemptFailed)
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert record.target == "atlas/large"
    assert [(a.number, a.outcome, a.hedge) for a in in_order(record.attempts)] == [
        (1, Outcome.SUCCEEDED, False),
        (2, Outcome.LOST, True),
    ]
    assert counted == {STARTED: 1.0}
    assert facts == []


async def test_a_preamble_never_wins(atlas, breeze):
    """The hedge says its preamble long before the first target says anything, and then nothing more."""
    atlas.behaviour, breeze.behaviour = healthy(latency_ms=250), stall(At.PREAMBLE)
    async with running(both(atlas, breeze, racing())) as loop:
        text = await _text(loop)
        record = await newest(loop)
    assert text.startswith("atlas")
    assert record.target == "atlas/large"


@pytest.mark.parametrize(
    ("behaviour", "failure", "phase"),
    [
        (fail(500), FailureClass.SERVER_ERROR, Phase.HEADERS),
        (error_in_200(At.PREAMBLE), FailureClass.SERVER_ERROR, Phase.PREAMBLE),
        (cut(At.HEADERS), FailureClass.DISCONNECT, Phase.HEADERS),
    ],
)
async def test_a_hedge_that_fails_is_a_failed_attempt_and_the_first_goes_on(
    atlas, breeze, behaviour, failure, phase
):
    atlas.behaviour, breeze.behaviour = healthy(first_token_ms=200), behaviour
    async with running(both(atlas, breeze, racing())) as loop:
        text = await _text(loop)
        record = await newest(loop)
        (fact,) = await until(lambda: loop.facts(AttemptFailed), what="the fact")
        counted = await counted_hedges(loop)
    assert text.startswith("atlas")
    assert record.target == "atlas/large"
    first, hedge = in_order(record.attempts)
    assert (first.outcome, hedge.outcome) == (Outcome.SUCCEEDED, Outcome.FAILED)
    assert (hedge.failure, hedge.phase) == (failure, phase)
    assert (fact.target, fact.attempt, fact.failure) == ("breeze/large", 2, failure)
    assert counted == {STARTED: 1.0}


async def test_given_the_first_fails_within_the_race_then_the_hedge_is_the_failover(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=120)
    breeze.behaviour = healthy(first_token_ms=250)
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat(stream=True)
        record = await newest(loop)
        (fact,) = await until(lambda: loop.facts(AttemptFailed), what="the fact")
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.FAILED, Outcome.SUCCEEDED]
    assert fact.target == "atlas/large"
    assert (atlas.attempts, breeze.attempts) == (1, 1)


async def test_when_both_fail_the_walk_goes_on(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=120)
    breeze.behaviour = Behaviour(kind=Kind.FAIL, status=529, latency_ms=120)
    async with SimulatedProvider("cirrus") as cirrus:
        config = declaring({"atlas": atlas.url, "breeze": breeze.url, "cirrus": cirrus.url}, policy=racing())
        async with running(config) as loop:
            answer = await loop.chat(stream=True)
            record = await newest(loop)
    assert answer.headers["x-interlock-target"] == "cirrus/large"
    assert answer.headers["x-interlock-attempts"] == str(len(record.attempts))
    assert [a.target for a in record.attempts if a.hedge] == ["breeze/large"]
    assert record.attempts[-1].target == "cirrus/large"
    assert [a.number for a in in_order(record.attempts)] == [*range(1, len(record.attempts) + 1)]
    assert breeze.attempts == 1


async def test_the_hedge_is_one_of_the_targets_that_a_request_may_try(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=120)
    breeze.behaviour = Behaviour(kind=Kind.FAIL, status=529, latency_ms=120)
    async with SimulatedProvider("cirrus") as cirrus:
        urls = {"atlas": atlas.url, "breeze": breeze.url, "cirrus": cirrus.url}
        policy = racing(attempts="max_targets: 2, retries_per_target: 0")
        async with running(declaring(urls, policy=policy)) as loop:
            answer = await loop.chat(stream=True)
            record = await newest(loop)
    assert answer.status_code == 502
    assert (atlas.attempts, breeze.attempts, cirrus.attempts) == (1, 1, 0)
    assert [(skip.target, skip.reason) for skip in record.skips] == [("cirrus/large", SkipReason.MAX_TARGETS)]


async def test_when_all_fail_the_client_hears_of_every_attempt(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=100)
    breeze.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=100)
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat(stream=True)
        record = await newest(loop)
    assert answer.status_code == 502
    assert record.result is Result.EXHAUSTED
    assert "atlas/large" in answer.text
    assert "breeze/large" in answer.text
    assert answer.headers["x-interlock-attempts"] == str(len(record.attempts))


async def test_a_refusal_of_the_request_itself_ends_the_race(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=400, latency_ms=120, code="invalid_request")
    breeze.behaviour = SLOW
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat(stream=True)
        record = await newest(loop)
        await until(lambda: breeze.abandoned == 1, what="the hedge's connection to be closed")
        facts = await loop.facts(AttemptFailed)
    assert answer.status_code == 400
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert record.result is Result.UPSTREAM_REFUSED
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.FAILED, Outcome.LOST]
    assert facts == []


async def test_a_status_that_is_not_to_be_retried_ends_the_race_too(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=500, latency_ms=120)
    breeze.behaviour = SLOW
    async with running(both(atlas, breeze, racing(more="retry_on: [503]"))) as loop:
        answer = await loop.chat(stream=True)
        record = await newest(loop)
    assert answer.status_code == 502
    assert "breeze/large lost; atlas/large server_error 500" in answer.json()["error"]["message"]
    assert answer.headers["x-interlock-target"] == record.target == "atlas/large"
    assert record.result is Result.EXHAUSTED


async def test_a_prompt_that_was_too_long_goes_to_the_larger_window_though_it_raced(atlas, breeze):
    too_long = '{"error": {"message": "too long", "code": "context_length_exceeded"}}'
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=400, body=too_long, latency_ms=120)
    breeze.behaviour = healthy(first_token_ms=400)
    more = "targets: {atlas/large: {context_window: 1000}, breeze/large: {context_window: 100000}}"
    async with running(both(atlas, breeze, racing(), more)) as loop:
        answer = await loop.chat(stream=True)
        record = await newest(loop)
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert [(a.outcome, a.hedge) for a in in_order(record.attempts)] == [
        (Outcome.FAILED, False),
        (Outcome.LOST, True),
        (Outcome.SUCCEEDED, False),
    ]


async def test_a_refusal_that_only_the_hedge_got_is_told_when_nobody_answers(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=300)
    breeze.behaviour = fail(400, '{"error": {"message": "too long", "code": "context_length_exceeded"}}')
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat(stream=True)
        record = await newest(loop)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "too long")
    assert answer.headers["x-interlock-target"] == record.target == "breeze/large"
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.FAILED, Outcome.FAILED]
    assert (atlas.attempts, breeze.attempts) == (1, 1)


async def test_a_first_attempt_keeps_its_own_limit(atlas, breeze):
    """Its limit ends it, as a failure that teaches, while the hedge is still under way."""
    atlas.behaviour, breeze.behaviour = stall(At.PREAMBLE), healthy(first_token_ms=250)
    policy = racing(more="timeouts: {first_token: 150ms}")
    async with running(both(atlas, breeze, policy)) as loop:
        answer = await loop.chat(stream=True)
        record = await newest(loop)
    first, hedge = in_order(record.attempts)
    assert (first.outcome, first.failure) == (Outcome.FAILED, FailureClass.TIMEOUT)
    assert 140 <= first.ended_ms - first.started_ms < 1_000
    assert first.ended_ms < hedge.ended_ms
    # The hedge began later and has its own 150 ms, which are not enough for it here.
    assert (hedge.outcome, hedge.failure) == (Outcome.FAILED, FailureClass.TIMEOUT)
    assert answer.status_code == 502


async def test_a_client_that_leaves_ends_both(atlas, breeze):
    atlas.behaviour = breeze.behaviour = stall(At.PREAMBLE)
    async with running(both(atlas, breeze, racing())) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await until(lambda: atlas.open == breeze.open == 1, what="both calls")
        await until(lambda: atlas.abandoned == breeze.abandoned == 1, what="both connections to be closed")
        record = await newest(loop)
        gateway = loop.gateway.service.gateway
        assert gateway.client.stats().in_use == 0
        assert not gateway.exchanges
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
            await until(lambda: atlas.finished == 1 and breeze.open == 1, what="the first to have failed")
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
            await raw.rest()
        record = await newest(loop)
        await until(lambda: breeze.abandoned == 1, what="the hedge's connection to be closed")
        assert client.stats().in_use == 0
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
        answer = await loop.chat(stream=True)
        record = await newest(loop)
        facts = await loop.facts(AttemptFailed)
        assert (client.held, client.stats().in_use) == (0, 0)
    assert answer.status_code == status
    hedge = in_order(record.attempts)[1]
    assert (hedge.hedge, hedge.outcome, hedge.failure) == (True, Outcome.ABORTED, None)
    assert all(fact.target == "atlas/large" for fact in facts)


async def test_a_stopping_gateway_ends_both(atlas, breeze):
    atlas.behaviour = breeze.behaviour = stall(At.PREAMBLE)
    async with running(both(atlas, breeze, racing())) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await until(lambda: atlas.open == breeze.open == 1, what="both calls")
            await loop.gateway.service.stop(drain_s=0.0, flush_s=1.0)
            status, body = await client.answer()
        record = await newest(loop)
    assert (status, body["error"]["code"]) == (503, "shutdown")
    assert record.result is Result.SHUTDOWN
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.ABORTED, Outcome.ABORTED]


async def test_a_winner_that_breaks_is_a_broken_stream_of_its_target(atlas, breeze):
    atlas.behaviour, breeze.behaviour = SLOW, cut(At.CONTENT)
    async with running(both(atlas, breeze, racing())) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True, headers={"Connection": "close"}))
            got = await client.rest()
        record = await newest(loop)
        (fact,) = await until(lambda: loop.facts(AttemptFailed), what="the fact")
    assert b'"error"' in got
    assert not got.endswith(LAST_CHUNK)
    assert (record.result, record.target) == (Result.BROKEN, "breeze/large")
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.LOST, Outcome.FAILED]
    assert fact.target == "breeze/large"


async def test_a_request_without_a_stream_is_not_raced(atlas, breeze):
    atlas.behaviour = healthy(latency_ms=150)
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat()
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert breeze.attempts == 0


async def test_the_second_of_a_failover_may_be_raced_by_the_third(atlas, breeze):
    atlas.behaviour, breeze.behaviour = fail(429, headers={"retry-after": "60"}), SLOW
    async with SimulatedProvider("cirrus") as cirrus:
        urls = {"atlas": atlas.url, "breeze": breeze.url, "cirrus": cirrus.url}
        async with running(declaring(urls, policy=racing())) as loop:
            answer = await loop.chat(stream=True)
            record = await newest(loop)
    assert answer.headers["x-interlock-target"] == "cirrus/large"
    assert [a.outcome for a in in_order(record.attempts)] == [Outcome.FAILED, Outcome.LOST, Outcome.SUCCEEDED]


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
            stats = loop.gateway.service.gateway.client.stats()
            assert stats.in_use == 0
            assert await loop.facts(AttemptFailed) == []


async def test_races_leave_no_task_and_no_connection_behind(atlas, breeze):
    atlas.behaviour, breeze.behaviour = SLOW, healthy(first_token_ms=20)
    async with running(both(atlas, breeze, racing("10ms"))) as loop:
        await loop.chat(stream=True)
        await until(lambda: atlas.open == 0, what="the loser to be gone")
        tasks = len(asyncio.all_tasks())
        for _ in range(20):
            await loop.chat(stream=True)
        await until(lambda: atlas.open == breeze.open == 0, what="the losers to be gone")
        await until(lambda: len(asyncio.all_tasks()) <= tasks, what="their tasks to be gone")
        stats = loop.gateway.service.gateway.client.stats()
    assert stats.in_use == 0
    assert stats.open <= 2
    assert atlas.abandoned == 21


async def test_the_audit_names_what_changed_and_no_value(atlas, breeze):
    atlas.behaviour = SLOW
    more = "targets: {breeze/large: {upstream_model: large-2026}}"
    async with running(both(atlas, breeze, racing(), more)) as loop:
        async with connected(loop.gateway.port) as client:
            headers = {"Authorization": "Bearer sk-secret", "X-Custom": "kept", "Connection": "close"}
            await client.send(request(stream=True, headers=headers))
            await client.rest()
        record = await newest(loop)
    lost, won = in_order(record.attempts)
    assert (lost.redirect, won.redirect) == ("large", "large-2026")
    assert lost.headers == won.headers == ("accept-encoding", "authorization")
    assert "sk-secret" not in str(record)
