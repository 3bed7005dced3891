"""Slow streams that nobody races: each rule of the hedge over real sockets, and the count of its reason."""

import asyncio

import pytest

from interlock_domain.attempt.hedge_history import LEAST_RACES, LEAST_SAMPLES
from interlock_domain.attempt.record import in_order
from interlock_domain.words import Outcome
from interlock_testing.behaviour import fail, healthy
from interlock_testing.running import declaring, running
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.services.interlock_gateway.races import (
    SLOW,
    STARTED,
    WON,
    both,
    counted_hedges,
    racing,
    suppressed,
)
from tests.services.interlock_gateway.wire import newest

TIERS = "targets: {atlas/large: {tier: free}, breeze/large: {tier: paid}}"
SHORT = healthy(first_token_ms=150)
UNHEDGED = {
    "max_targets": (racing(attempts="max_targets: 1"), ""),
    "tier": (racing(), TIERS),
    "hedge_budget": (racing(ratio=0), ""),
    "few_samples": (racing("p95"), ""),
}


@pytest.mark.parametrize("reason", UNHEDGED)
async def test_a_slow_stream_that_is_not_raced_is_counted_by_its_reason(atlas, breeze, reason):
    atlas.behaviour = SHORT
    policy, more = UNHEDGED[reason]
    async with running(both(atlas, breeze, policy, more)) as loop:
        answer = await loop.chat(stream=True)
        counted = await counted_hedges(loop)
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert breeze.attempts == 0
    assert counted == {suppressed(reason): 1.0}


async def test_a_free_target_is_raced_by_the_next_free_one(atlas, breeze):
    atlas.behaviour = SLOW
    async with SimulatedProvider("cirrus") as cirrus:
        config = declaring(
            {"atlas": atlas.url, "breeze": breeze.url, "cirrus": cirrus.url},
            policy=racing(),
            more=TIERS.replace("}}", "}, cirrus/large: {tier: free}}"),
        )
        async with running(config) as loop:
            answer = await loop.chat(stream=True)
    assert answer.headers["x-interlock-target"] == "cirrus/large"
    assert breeze.attempts == 0


async def test_a_target_that_just_failed_here_is_not_idle(atlas, breeze):
    breeze.behaviour = fail(500)
    async with running(both(atlas, breeze, racing())) as loop:
        await loop.chat("breeze/large", stream=True)
        atlas.behaviour = SHORT
        answer = await loop.chat(stream=True)
        counted = await counted_hedges(loop)
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert counted == {suppressed("few_idle"): 1.0}


async def test_a_probe_is_not_raced_for_its_verdict_is_awaited(atlas, breeze):
    policy = racing(more="cooldown: {initial: 1s}, half_open: {probe_interval: 50ms, ramp: 0s}")
    async with running(both(atlas, breeze, policy)) as loop:
        atlas.behaviour = fail(429, headers={"retry-after": "1"})
        await loop.chat(stream=True)
        await until(lambda: loop.row("atlas/large"), timeout_s=30.0, what="the cooldown")
        atlas.behaviour = SHORT

        async def probed() -> bool:
            await loop.chat(stream=True)
            return (await newest(loop)).attempts[0].probe

        await until(probed, timeout_s=30.0, what="the probe")
        counted = await counted_hedges(loop)
        record = await newest(loop)
    assert [(a.target, a.outcome) for a in in_order(record.attempts)] == [("atlas/large", Outcome.SUCCEEDED)]
    assert counted[suppressed("probe")] == 1.0


async def test_hedges_are_a_share_of_the_requests(atlas, breeze):
    """One at once, then one for each two requests: 20 requests may have 11 at most."""
    atlas.behaviour = healthy(first_token_ms=60)
    breeze.behaviour = SLOW
    policy = racing("10ms", ratio=0.5)
    async with running(both(atlas, breeze, policy)) as loop:
        for _ in range(20):
            await loop.chat(stream=True)
        counted = await counted_hedges(loop)
    assert (
        counted[STARTED] + counted[suppressed("hedge_budget")] + counted.get(suppressed("win_rate"), 0) == 20
    )
    assert 9 <= counted[STARTED] <= 11


async def test_hedges_that_do_not_win_are_given_up(atlas, breeze):
    atlas.behaviour, breeze.behaviour = healthy(first_token_ms=40), SLOW
    async with running(both(atlas, breeze, racing("5ms"))) as loop:
        await asyncio.gather(*(loop.chat(stream=True) for _ in range(LEAST_RACES)))
        before = await counted_hedges(loop)
        await loop.chat(stream=True)
        after = await counted_hedges(loop)
    assert before == {STARTED: float(LEAST_RACES)}
    assert after == {STARTED: float(LEAST_RACES), suppressed("win_rate"): 1.0}


async def test_a_few_wins_among_many_keep_hedges_going(atlas, breeze):
    async with running(both(atlas, breeze, racing("5ms"))) as loop:
        atlas.behaviour, breeze.behaviour = SLOW, healthy()
        for _ in range(3):
            await loop.chat(stream=True)
        atlas.behaviour, breeze.behaviour = healthy(first_token_ms=40), SLOW
        await asyncio.gather(*(loop.chat(stream=True) for _ in range(LEAST_RACES)))
        await loop.chat(stream=True)
        counted = await counted_hedges(loop)
    assert counted == {STARTED: LEAST_RACES + 4.0, WON: 3.0}


async def test_p95_is_what_this_worker_measured(atlas, breeze):
    """After twenty streams of 40 ms a stream of that length is left alone, and a slow one is raced."""
    atlas.behaviour = healthy(first_token_ms=40)
    async with running(both(atlas, breeze, racing("p95"))) as loop:
        await asyncio.gather(*(loop.chat(stream=True) for _ in range(LEAST_SAMPLES)))
        atlas.behaviour = SLOW
        answer = await loop.chat(stream=True)
        record = await newest(loop)
        counted = await counted_hedges(loop)
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert 40 <= in_order(record.attempts)[1].started_ms < SLOW.first_token_ms
    assert counted[suppressed("few_samples")] == float(LEAST_SAMPLES)
    assert counted[STARTED] == counted[WON] == 1.0
