"""The race for the first content over real sockets: who wins, and who is told what."""

import asyncio

import pytest

from interlock_domain.attempt.record import in_order
from interlock_domain.events import AttemptFailed, AttemptSucceeded
from interlock_domain.words import FailureClass, Outcome, Phase, Result, SkipReason
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail, healthy, stall
from interlock_testing.running import declaring, running
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.services.interlock_gateway.races import (
    SLOW,
    STARTED,
    WON,
    ask,
    both,
    both_called,
    counted_hedges,
    one_ended,
    racing,
)
from tests.services.interlock_gateway.wire import (
    LAST_CHUNK,
    connected,
    given_back,
    newest,
    request,
)

SLOW_WAYS = {
    "slow to its head": healthy(latency_ms=5_000),
    "slow to its first content": SLOW,
    "silent before its head": stall(At.HEADERS),
    "silent after its preamble": stall(At.PREAMBLE),
}


@pytest.mark.parametrize("behaviour", SLOW_WAYS.values(), ids=SLOW_WAYS)
async def test_a_slow_stream_is_overtaken_andended_at_once(atlas, breeze, behaviour):
    atlas.behaviour = behaviour
    async with running(both(atlas, breeze, racing())) as loop:
        answer = await loop.chat(stream=True)
        await until(lambda: atlas.abandoned == 1, what="the loser's connection to be closed")
        record = await newest(loop)
        counted = await counted_hedges(loop)
        await given_back(loop)
        assert loop.gateway.service.gateway.local.suspects == set()
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
    assert lost.started_ms < won.started_ms <= lost.ended_ms <= won.ended_ms
    assert won.ttft_ms is not None
    assert record.ttfc_ms is not None
    assert record.ttfc_ms < 15_000, "the first target says nothing before it is told to"
    assert (failed, succeeded) == ([], [])
    assert counted == {STARTED: 1.0, WON: 1.0}


async def test_a_stream_that_is_quick_enough_is_not_raced(atlas, breeze):
    atlas.behaviour = stall(At.CONTENT)
    clock = asyncio.get_running_loop().time
    async with running(both(atlas, breeze, racing("2s"))) as loop:
        answer = ask(loop)
        await until(lambda: atlas.open == 1, what="the call")
        over = clock() + 2.2
        await until(lambda: clock() > over, timeout_s=20, what="the time after which others are raced")
        atlas.release()
        await answer
        record = await newest(loop)
        counted = await counted_hedges(loop)
    assert [(a.outcome, a.hedge) for a in in_order(record.attempts)] == [(Outcome.SUCCEEDED, False)]
    assert (breeze.attempts, counted) == (0, {})


async def test_a_hedge_that_is_slower_isended_at_once_and_leaves_no_trace(atlas, breeze):
    atlas.behaviour, breeze.behaviour = healthy(first_token_ms=150), SLOW
    async with running(both(atlas, breeze, racing())) as loop:
        asked = ask(loop)
        await both_called(atlas, breeze)
        atlas.release()
        answer = await asked
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
        asked = ask(loop)
        await both_called(atlas, breeze)
        atlas.release()
        answer = await asked
        record = await newest(loop)
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert answer.text.endswith("data: [DONE]\n\n")
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
        asked = ask(loop)
        (fact,) = await until(lambda: loop.facts(AttemptFailed), what="the fact")
        atlas.release()
        answer = await asked
        record = await newest(loop)
        counted = await counted_hedges(loop)
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert answer.text.endswith("data: [DONE]\n\n")
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
        asked = ask(loop)
        await both_called(atlas, breeze)
        atlas.release()
        (fact,) = await until(lambda: loop.facts(AttemptFailed), what="the fact")
        breeze.release()
        answer = await asked
        record = await newest(loop)
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
            asked = ask(loop)
            await both_called(atlas, breeze)
            atlas.behaviour, breeze.behaviour = fail(503), fail(529)  # of calls that may follow
            atlas.release()
            breeze.release()
            answer = await asked
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
            asked = ask(loop)
            await both_called(atlas, breeze)
            atlas.release()
            breeze.release()
            answer = await asked
            record = await newest(loop)
    assert answer.status_code == 502
    assert (atlas.attempts, breeze.attempts, cirrus.attempts) == (1, 1, 0)
    assert [(skip.target, skip.reason) for skip in record.skips] == [("cirrus/large", SkipReason.MAX_TARGETS)]


async def test_when_all_fail_the_client_hears_of_every_attempt(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=100)
    breeze.behaviour = Behaviour(kind=Kind.FAIL, status=503, latency_ms=100)
    async with running(both(atlas, breeze, racing())) as loop:
        asked = ask(loop)
        await both_called(atlas, breeze)
        atlas.behaviour, breeze.behaviour = fail(503), fail(503)  # of calls that may follow
        atlas.release()
        breeze.release()
        answer = await asked
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
        asked = ask(loop)
        await both_called(atlas, breeze)
        atlas.release()
        answer = await asked
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
        asked = ask(loop)
        await both_called(atlas, breeze)
        atlas.release()
        answer = await asked
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
        asked = ask(loop)
        await both_called(atlas, breeze)
        atlas.release()
        await until(lambda: breeze.attempts == 2, what="the call in its own turn")
        breeze.release()
        answer = await asked
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
        asked = ask(loop)
        await until(one_ended(loop), what="the hedge's refusal")
        atlas.release()
        answer = await asked
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
    assert 140 <= first.ended_ms - first.started_ms < 15_000
    assert 140 <= hedge.ended_ms - hedge.started_ms < 15_000
    assert first.ended_ms <= hedge.ended_ms
    # The hedge began later and has its own 150 ms, which are not enough for it here.
    assert (hedge.outcome, hedge.failure) == (Outcome.FAILED, FailureClass.TIMEOUT)
    assert answer.status_code == 502


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


async def test_a_request_without_a_stream_is_not_raced(breeze):
    async with SimulatedProvider("atlas", healthy(latency_ms=150)) as atlas:
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
