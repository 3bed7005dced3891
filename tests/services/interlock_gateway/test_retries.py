"""How often, how long, and at whose expense a request is tried again."""

import asyncio

import pytest

from interlock_domain.attempt.backoff import backoff_ms
from interlock_domain.catalog.policy import Backoff
from interlock_domain.events import AttemptFailed
from interlock_domain.words import FailureClass, Result, SkipReason
from interlock_testing.behaviour import At, Behaviour, Kind, fail, healthy, stall
from interlock_testing.running import declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import QUICK

HANGING = 60
TWICE = {
    "500": fail(500),
    "502": fail(502),
    "520": fail(520),
    "reset": Behaviour(kind=Kind.RESET),
    "lock": fail(409, '{"error":{"message":"busy","type":"x","code":"lock_timeout","param":null}}'),
}
ONCE = {
    "429 without a time": fail(429),
    "429 with a long time": fail(429, headers={"retry-after": "20"}),
    "529": fail(529),
    "504": fail(504),
    "401": fail(401),
    "malformed": Behaviour(kind=Kind.HTML),
    "slow_down": fail(429, '{"error":{"message":"slow","type":"x","code":"slow_down","param":null}}'),
}


@pytest.mark.parametrize("behaviour", TWICE.values(), ids=TWICE)
async def test_one_same_target_retry_where_the_class_allows_it(atlas, breeze, behaviour):
    atlas.behaviour = behaviour
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=QUICK)) as loop:
        record = await loop.record(await loop.chat())
    assert [(a.target, a.try_) for a in record.attempts] == [
        ("atlas/large", 1),
        ("atlas/large", 2),
        ("breeze/large", 1),
    ]
    assert record.result is Result.ANSWERED


@pytest.mark.parametrize("behaviour", ONCE.values(), ids=ONCE)
async def test_none_where_it_does_not(atlas, breeze, behaviour):
    atlas.behaviour = behaviour
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=QUICK)) as loop:
        record = await loop.record(await loop.chat())
    assert [a.target for a in record.attempts] == ["atlas/large", "breeze/large"]


async def test_none_when_the_attempt_before_had_failed_as_well(atlas, breeze):
    policy = "{attempts: {backoff: {initial: 1ms, max: 2ms}}, cooldown: {strikes: 50, consecutive: 50}}"
    atlas.behaviour = fail(500)
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        first, second = [await loop.record(await loop.chat()) for _ in range(2)]
        atlas.behaviour = healthy()
        await loop.chat()
        atlas.behaviour = fail(500)
        third = await loop.record(await loop.chat())
    assert [len(r.attempts) for r in (first, second, third)] == [3, 2, 3]


async def test_a_stated_wait_that_fits_is_kept_on_the_same_target(atlas, breeze):
    atlas.behaviour = fail(429, headers={"retry-after-ms": "150"})
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=QUICK)) as loop:
        record = await loop.record(await loop.chat())
    first, again, elsewhere = record.attempts
    assert (first.target, again.target, elsewhere.target) == ("atlas/large", "atlas/large", "breeze/large")
    assert again.started_ms - first.ended_ms >= 145
    assert first.retry_after_ms == 150


async def test_a_wait_between_tries_grows_and_is_jittered(atlas):
    atlas.behaviour = fail(500)
    policy = "{attempts: {retries_per_target: 1, backoff: {initial: 100ms, jitter: 0.5}}}"
    async with running(declaring({"atlas": atlas.url}, policy=policy)) as loop:
        record = await loop.record(await loop.chat())
    first, second = record.attempts
    wait_ms = backoff_ms(Backoff(initial_ms=100, jitter=0.5), 1, record.inputs.seed)
    assert 50 <= wait_ms <= 150
    assert wait_ms - 1 <= second.started_ms - first.ended_ms < 5_000


async def test_as_many_retries_as_declared_are_made(atlas, breeze):
    atlas.behaviour = fail(500)
    policy = "{attempts: {retries_per_target: 3, backoff: {initial: 1ms, max: 2ms}}}"
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        record = await loop.record(await loop.chat())
    assert [a.target for a in record.attempts] == ["atlas/large"] * 4 + ["breeze/large"]


async def test_nobody_waits_before_another_target(atlas, breeze):
    atlas.behaviour = fail(503, headers={"retry-after": "20"})
    policy = "{attempts: {backoff: {initial: 15s, max: 15s, jitter: 0}}}"
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        record = await loop.record(await loop.chat())
    first, second = record.attempts
    assert second.started_ms - first.ended_ms < 10_000


@pytest.mark.parametrize("stream", [False, True])
async def test_one_deadline_holds_for_all_attempts(atlas, breeze, stream):
    atlas.behaviour = breeze.behaviour = stall(At.HEADERS)
    policy = (
        "{attempts: {deadline: 2500ms, first_token_total: 2500ms}, "
        "timeouts: {response: 1300ms, first_token: 1300ms}}"
    )
    pools = "{chat: [atlas/a, breeze/a, breeze/b]}"
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools, policy=policy)
    async with running(config) as loop:
        answer = await loop.chat(stream=stream)
        record = await loop.record(answer)
        failed = await loop.facts(AttemptFailed)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline")
    assert answer.headers["x-interlock-reason"] == "deadline"
    assert record.result is Result.DEADLINE
    assert [a.target for a in record.attempts] == ["atlas/a", "breeze/a"]
    assert 2_490 <= record.duration_ms < 10_000
    assert [(s.target, s.reason) for s in record.skips] == [("breeze/b", SkipReason.DEADLINE)]
    assert [f.target for f in failed] == ["atlas/a"], (
        "the second ran out of the request's time, not of its own"
    )


async def test_the_time_to_first_content_is_bounded_over_all_attempts(atlas, breeze):
    atlas.behaviour = breeze.behaviour = stall(At.PREAMBLE)
    policy = "{attempts: {first_token_total: 2500ms}, timeouts: {first_token: 1300ms}}"
    pools = "{chat: [atlas/a, breeze/a, atlas/b]}"
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools, policy=policy)
    async with running(config) as loop:
        answer = await loop.chat(stream=True)
        record = await loop.record(answer)
        failed = await loop.facts(AttemptFailed)
    assert answer.status_code == 504
    assert [a.target for a in record.attempts] == ["atlas/a", "breeze/a"]
    assert 2_490 <= record.duration_ms < 10_000
    assert [f.target for f in failed] == ["atlas/a"]


async def test_a_stream_that_has_begun_may_outlast_the_time_for_attempts(atlas):
    atlas.behaviour = healthy(interval_ms=140, chunks=15)
    policy = "{attempts: {deadline: 1500ms, first_token_total: 1500ms}}"
    async with running(declaring({"atlas": atlas.url}, policy=policy)) as loop:
        answer = await loop.chat(stream=True)
        record = await loop.record(answer)
    assert b"[DONE]" in answer.content
    assert record.duration_ms >= 1_900


async def test_a_dribbled_page_in_place_of_a_stream_ends_with_the_time_for_first_content(breeze):
    from interlock_testing.misbehave import MisbehavingServer, Peer

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 100000\r\n\r\n")
        while True:
            await peer.send(b"<")
            await asyncio.sleep(0.01)

    policy = "{timeouts: {first_token: 1s}}"
    async with MisbehavingServer(script) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url}, policy=policy)
        async with running(config) as loop:
            answer = await loop.chat(stream=True)
            record = await loop.record(answer)
    assert b"breeze" in answer.content
    assert record.attempts[0].ended_ms < 10_000


async def test_a_refusal_that_breaks_off_counts_by_its_status_and_its_stated_time(breeze):
    from interlock_testing.misbehave import MisbehavingServer, resets

    head = b"HTTP/1.1 429 Too Many\r\nretry-after: 17\r\ncontent-length: 500\r\n\r\n{"
    async with MisbehavingServer(resets(head)) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url}, policy=QUICK)
        async with running(config) as loop:
            for stream in (False, True):
                record = await loop.record(await loop.chat(stream=stream))
                first = record.attempts[0]
                if first.target == "atlas/large":
                    assert (first.failure, first.status) == (FailureClass.RATE_LIMIT, 429)
                    assert first.retry_after_ms == 17_000
    assert len(upstream.requests) >= 1


async def test_an_exhausted_budget_means_no_retry_and_says_so(atlas, breeze):
    atlas.behaviour = breeze.behaviour = fail(500)
    policy = (
        "{attempts: {backoff: {initial: 1ms, max: 2ms}}, budgets: {retry_ratio: 0, retry_floor_per_s: 0.2}, "
        "cooldown: {strikes: 1000, consecutive: 1000}}"
    )
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        records = [await loop.record(await loop.chat()) for _ in range(4)]
    # Ten seconds' worth of 0.2 are two retries: one on each target. The failover between them was free,
    # for breeze had not failed yet; from the second request on both had, so it costs what is not there.
    assert [len(r.attempts) for r in records] == [4, 1, 1, 1]
    assert {(s.target, s.reason) for s in records[1].skips} == {("breeze/large", SkipReason.RETRY_BUDGET)}
    assert atlas.attempts + breeze.attempts == 7


async def test_all_requests_that_hang_on_a_target_when_it_dies_are_answered_by_the_healthy_one(atlas, breeze):
    atlas.behaviour = stall(At.HEADERS)
    policy = "{budgets: {retry_ratio: 0.2, retry_floor_per_s: 1}}"
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        asked = [asyncio.create_task(loop.chat()) for _ in range(HANGING)]
        await until(lambda: atlas.open == HANGING, timeout_s=30.0, what="all requests to hang on atlas")
        await atlas.stop()
        answers = await asyncio.gather(*asked)
    # The budget holds ten seconds' worth of the floor and a fifth of the requests: 22 retries.
    assert [answer.status_code for answer in answers] == [200] * HANGING
    assert breeze.attempts == HANGING


async def test_in_a_total_outage_upstreams_see_no_more_than_the_budget_on_top(atlas, breeze):
    atlas.behaviour = breeze.behaviour = fail(500)
    policy = (
        "{attempts: {backoff: {initial: 1ms, max: 2ms}}, budgets: {retry_ratio: 0.2, retry_floor_per_s: 0}, "
        "cooldown: {strikes: 1000, consecutive: 1000}}"
    )
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        answers = [await loop.chat() for _ in range(60)]
    assert {answer.status_code for answer in answers} == {502}
    # One request went on for free, to the target of which nothing bad was known yet.
    assert atlas.attempts + breeze.attempts <= 60 + 60 * 0.2 + 1


async def test_a_retry_on_the_only_target_that_the_budget_forbids_is_recorded_too(atlas):
    atlas.behaviour = fail(500)
    policy = "{budgets: {retry_ratio: 0, retry_floor_per_s: 0}}"
    async with running(declaring({"atlas": atlas.url}, policy=policy)) as loop:
        record = await loop.record(await loop.chat())
    assert len(record.attempts) == 1
    assert [(s.target, s.reason) for s in record.skips] == [("atlas/large", SkipReason.RETRY_BUDGET)]


async def test_a_changed_budget_holds_from_the_next_snapshot_on(atlas, breeze):
    atlas.behaviour = breeze.behaviour = fail(500)
    providers = {"atlas": atlas.url, "breeze": breeze.url}
    none = "{budgets: {retry_ratio: 0, retry_floor_per_s: 0}, cooldown: {strikes: 1000, consecutive: 1000}}"
    async with running(declaring(providers, policy=none)) as loop:
        first, second = [await loop.record(await loop.chat()) for _ in range(2)]
        assert [len(first.attempts), len(second.attempts)] == [2, 1]
        breeze.behaviour = healthy()
        await loop.apply(declaring(providers, policy=QUICK))
        await loop.settle()
        assert (await loop.chat()).status_code == 200


async def test_retry_on_narrows_what_is_retried(atlas, breeze):
    policy = "{retry_on: [429], attempts: {backoff: {initial: 1ms, max: 2ms}}}"
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        atlas.behaviour = fail(500)
        refused = await loop.record(await loop.chat())
        atlas.behaviour = fail(429)
        moved = await loop.record(await loop.chat())
    assert [a.target for a in refused.attempts] == ["atlas/large"]
    assert [a.target for a in moved.attempts] == ["atlas/large", "breeze/large"]
