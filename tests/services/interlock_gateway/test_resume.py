"""A stream that broke goes on from another target, byte by byte; or its client hears what broke it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.events import AttemptFailed, SuccessesCounted
from interlock_domain.words import FailureClass, Outcome, Result, SkipReason
from interlock_testing.misbehave import MisbehavingServer, Peer, Script, always, closes
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    connected,
    given_back,
    newest,
    paced,
    pieces,
    request,
    whole,
)

VERIFY = "{streams: {on_break: verify_prefix}}"
LIMIT_S = 1.5
"""A limit that has to pass: what is to come before it has all of this time."""
FINISH = (chunk(finish="stop"), DONE)


def says(*texts: str) -> bytes:
    """A whole stream of these texts."""
    return STREAM_HEAD + pieces(chunk(), *map(chunk, texts), *FINISH) + LAST_CHUNK


def breaks(*texts: str, then: bytes = b"") -> Script:
    """One text after the other, then bytes that end nothing."""
    parts = [pieces(chunk(text)) for text in texts]
    return paced(STREAM_HEAD + pieces(chunk()) + parts[0], *parts[1:], then)


def breaks_late(*texts: str) -> Script:
    """The same at once, and the break when the limit has passed."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk(), *map(chunk, texts)))
        await asyncio.sleep(LIMIT_S + 0.2)

    return script


@asynccontextmanager
async def targets(
    *scripts: Script, policy: str = VERIFY, more: str = ""
) -> AsyncIterator[tuple[RunningLoop, list[MisbehavingServer]]]:
    """A gateway before upstreams that do this, in the order of their preference: a, b, c."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(MisbehavingServer(script)) for script in scripts]
        urls = {name: f"{server.url}/v1" for name, server in zip("abcd", servers, strict=False)}
        yield await stack.enter_async_context(running(declaring(urls, policy=policy, more=more))), servers


async def ask(loop: RunningLoop, **fields: Any) -> tuple[bytes, RequestRecord]:
    """Everything the client got, and the record."""
    async with connected(loop.gateway.port) as client:
        await client.send(request(stream=True, headers={"connection": "close"}, **fields))
        got = await client.rest()
    return got, await newest(loop)


def text_of(got: bytes) -> str:
    values = [json.loads(line[6:]) for line in got.splitlines() if line.startswith(b"data: {")]
    return "".join(c["delta"].get("content") or "" for v in values for c in v.get("choices", ()))


def error_of(got: bytes) -> str:
    """The code of the error at the end of a stream that was cut off."""
    assert DONE not in got
    assert not got.endswith(LAST_CHUNK)
    code: str = json.loads(got.rstrip(b"\r\n").rsplit(b"data: ", 1)[1])["error"]["code"]
    return code


def outcomes(record: RequestRecord) -> list[tuple[str, Outcome]]:
    begun = sorted(record.attempts, key=lambda attempt: attempt.number)
    return [(attempt.target[0], attempt.outcome) for attempt in begun]


A_FAILED = ("a", Outcome.FAILED)
WIDE = chunk("(*)").replace(b"(*)", "👋".encode())
CUTS = {
    "between events": b"",
    "inside an event": pieces(WIDE[:-20]),
    "inside a character": pieces(WIDE[: WIDE.index(b"\xf0") + 2]),
    "inside the framing": b"3",
}


@pytest.mark.parametrize("then", CUTS.values(), ids=CUTS)
async def test_wherever_it_was_cut_the_rest_follows(then):
    async with targets(breaks("one ", "two", then=then), always(says("one two thr", "ee"))) as (loop, _):
        got, record = await ask(loop)
        failed = await until(lambda: loop.facts(AttemptFailed), what="the fact of the break")
    assert text_of(got) == "one two three"
    assert got.endswith(LAST_CHUNK)
    assert DONE in got
    assert got.count(b'"role"') == 1
    assert b"error" not in got
    assert outcomes(record) == [A_FAILED, ("b", Outcome.SUCCEEDED)]
    assert (record.result, record.reason, record.status) == (Result.ANSWERED, None, 200)
    assert [fact.target for fact in failed] == ["a/large"]


async def test_a_second_break_while_nothing_new_was_said_goes_on_to_a_third_target():
    scripts = breaks("one ", "two"), breaks("one"), always(says("one two three"))
    async with targets(*scripts) as (loop, _):
        got, record = await ask(loop)
    assert text_of(got) == "one two three"
    assert outcomes(record) == [A_FAILED, ("b", Outcome.FAILED), ("c", Outcome.SUCCEEDED)]


async def test_a_second_break_after_something_new_goes_on_to_a_third_target():
    scripts = breaks("one ", "two"), breaks("one two", " three"), always(says("one two three four"))
    async with targets(*scripts) as (loop, _):
        got, record = await ask(loop)
    assert text_of(got) == "one two three four"
    assert outcomes(record)[-1] == ("c", Outcome.SUCCEEDED)


async def test_when_the_second_breaks_as_well_the_client_hears_of_the_first():
    stalls = breaks("one two", " three", then=pieces(b'data: {"error":{"code":"overloaded_error"}}\n\n'))
    async with targets(breaks("one ", "two"), stalls) as (loop, _):
        got, record = await ask(loop)
    assert text_of(got) == "one two three"
    assert error_of(got) == "truncated"
    assert (record.result, record.reason) == (Result.BROKEN, "truncated")
    assert [attempt.failure for attempt in record.attempts] == [FailureClass.TRUNCATED, FailureClass.OVERLOAD]


async def test_a_target_that_refuses_is_passed_over():
    refusing = closes(whole(b'{"error":{"message":"busy"}}', status="503 Busy"))
    async with targets(breaks("one"), refusing, always(says("one two"))) as (loop, _):
        got, record = await ask(loop)
    assert text_of(got) == "one two"
    assert outcomes(record) == [A_FAILED, ("b", Outcome.FAILED), ("c", Outcome.SUCCEEDED)]


async def test_whoever_lost_a_race_may_still_continue_what_won_it():
    asked = 0

    async def slow_at_first(peer: Peer) -> None:
        nonlocal asked
        asked += 1
        await peer.request()
        if asked == 1:
            await peer.gone()
        await peer.send(says("one two three"))

    async def wins_and_breaks(peer: Peer) -> None:
        await peer.request()
        await until(lambda: asked, what="the hedge to be asked")
        await peer.send(STREAM_HEAD + pieces(chunk(), chunk("one ")))

    policy = "{streams: {on_break: verify_prefix}, hedge: {enabled: true, after: 20ms}}"
    async with targets(wins_and_breaks, slow_at_first, policy=policy) as (loop, _):
        got, record = await ask(loop)
        counters = loop.gateway.service.gateway.counters
    assert text_of(got) == "one two three"
    assert outcomes(record) == [("a", Outcome.FAILED), ("b", Outcome.LOST), ("b", Outcome.SUCCEEDED)]
    assert counters.resumes == {("chat", "continued"): 1}


async def test_another_answer_is_never_shown_and_its_target_learns_nothing():
    async with targets(breaks("one ", "two"), always(says("one ", "too many"))) as (loop, _):
        got, record = await ask(loop)
        facts = await loop.facts(AttemptFailed)
        assert [fact.target for fact in facts] == ["a/large"]
        assert await loop.facts(SuccessesCounted) == []
        await given_back(loop)
    assert text_of(got) == "one two"
    assert error_of(got) == "truncated"
    assert record.result is Result.BROKEN
    assert outcomes(record) == [A_FAILED, ("b", Outcome.ABORTED)]
    assert record.attempts[1].detail == "differs"
    assert loop.gateway.service.gateway.counters.resumes == {("chat", "broken"): 1}


@pytest.mark.parametrize(("texts", "why"), [(("on",), "differs"), (("one tw", "o"), "")])
async def test_an_answer_may_not_end_before_all_that_was_shown(texts, why):
    async with targets(breaks("one ", "two"), always(says(*texts))) as (loop, _):
        got, record = await ask(loop)
    assert text_of(got) == "one two"
    assert (record.attempts[1].detail or "") == why
    assert (record.result is Result.ANSWERED) is (not why)


LIMITED = "{streams: {on_break: verify_prefix}, %s}"
LIMITS = {
    "targets": ("attempts: {max_targets: 1}", SkipReason.MAX_TARGETS),
    "budget": ("budgets: {retry_ratio: 0, retry_floor_per_s: 0}", SkipReason.RETRY_BUDGET),
    "deadline": (f"attempts: {{deadline: {LIMIT_S}s, first_token_total: {LIMIT_S}s}}", SkipReason.DEADLINE),
}


@pytest.mark.parametrize(("limit", "reason"), LIMITS.values(), ids=LIMITS)
async def test_the_limits_of_attempts_hold(limit, reason):
    broken = breaks_late if reason is SkipReason.DEADLINE else breaks
    async with targets(broken("one ", "two"), always(says("one two three")), policy=LIMITED % limit) as (
        loop,
        servers,
    ):
        got, record = await ask(loop)
    assert error_of(got) == "truncated"
    assert servers[1].requests == []
    assert [(skip.target, skip.reason) for skip in record.skips] == [("b/large", reason)]


async def test_each_further_target_is_paid_for():
    scripts = breaks("one ", "two"), breaks("one"), always(says("one two three"))
    policy = LIMITED % "budgets: {retry_ratio: 1, retry_floor_per_s: 0}"
    async with targets(*scripts, policy=policy) as (loop, servers):
        got, record = await ask(loop)
    assert error_of(got) == "truncated"
    assert servers[2].requests == []
    assert [(skip.target, skip.reason) for skip in record.skips] == [("c/large", SkipReason.RETRY_BUDGET)]


async def test_the_limit_for_a_first_token_does_not_forbid_to_go_on_long_after_it():
    policy = LIMITED % f"attempts: {{first_token_total: {LIMIT_S}s}}"
    async with targets(breaks_late("one ", "two "), always(says("one two ", "three")), policy=policy) as (
        loop,
        _,
    ):
        got, _ = await ask(loop)
    assert text_of(got) == "one two three"


async def test_what_was_not_remembered_cannot_be_continued():
    long = "x" * 600_000
    async with targets(breaks(long, long), always(says(long, long, "y"))) as (loop, servers):
        got, record = await ask(loop)
    assert error_of(got) == "truncated"
    assert servers[1].requests == []
    assert [skip.reason for skip in record.skips] == [SkipReason.NOT_RESUMABLE]


async def test_comments_go_on_while_nothing_new_is_said():
    go_on = asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk(), chunk("one")))
        await go_on.wait()
        await peer.send(pieces(chunk(" two"), *FINISH) + LAST_CHUNK)

    policy = "{streams: {on_break: verify_prefix, heartbeat: 40ms}}"
    async with targets(breaks("one"), slow, policy=policy) as (loop, _):
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            got = await client.until(b": keep-alive\n")
            got += await client.until(b": keep-alive\n")
            assert text_of(got) == "one"
            go_on.set()
            got += await client.until(LAST_CHUNK)
    assert text_of(got) == "one two"


async def test_a_client_that_leaves_meanwhile_ends_it():
    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk(), chunk("on")))
        await peer.gone()

    async with targets(breaks("one"), slow, policy="{streams: {on_break: verify_prefix}}") as (loop, servers):
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await client.until(b"one")
            await until(lambda: servers[1].requests, what="the second target to be asked")
        await until(lambda: servers[1].open == 0, what="its connection to be closed")
        record = await newest(loop)
        await given_back(loop)
    assert record.result is Result.CLIENT_ABORT
    assert outcomes(record) == [A_FAILED, ("b", Outcome.ABORTED)]


async def test_a_stall_while_nothing_new_is_said_is_a_failure_like_any_other():
    async def stalls(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk(), chunk("on")))
        await peer.gone()

    policy = f"{{streams: {{on_break: verify_prefix}}, timeouts: {{stall: {LIMIT_S}s}}}}"
    async with targets(breaks("one"), stalls, policy=policy) as (loop, _):
        got, record = await ask(loop)
    assert error_of(got) == "truncated"
    assert [attempt.failure for attempt in record.attempts] == [FailureClass.TRUNCATED, FailureClass.TIMEOUT]


async def test_a_missing_sentinel_is_given_to_the_client():
    ends = STREAM_HEAD + pieces(chunk(), chunk("one two"), chunk(finish="stop")) + LAST_CHUNK
    async with targets(breaks("one"), always(ends)) as (loop, _):
        got, record = await ask(loop)
    assert text_of(got) == "one two"
    assert DONE in got
    assert record.result is Result.ANSWERED


async def test_a_pool_that_does_not_ask_for_it_remembers_nothing():
    held: list[object] = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk(), chunk("one")))
        await asyncio.sleep(0.05)
        held.extend(exchange.shown for exchange in exchanges)

    async with targets(script, always(says("one two")), policy="{}") as (loop, servers):
        exchanges = loop.gateway.service.gateway.exchanges
        got, _ = await ask(loop)
    assert held == [None]
    assert error_of(got) == "truncated"
    assert servers[1].requests == []
