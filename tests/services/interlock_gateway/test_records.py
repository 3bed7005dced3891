"""Every request has one terminal record and every attempt one entry, whatever happens on the way."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock_domain.events import AttemptFailed, AttemptSucceeded, SuccessesCounted
from interlock_domain.words import FailureClass, Outcome, Phase, Result
from interlock_records.records import RecordFilter
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail, healthy, stall
from interlock_testing.running import GatewayOptions, RunningLoop, declaring, running
from interlock_testing.upstream import SimulatedProvider
from interlock_upstream.client import HttpClient
from interlock_upstream.pool import PoolStats
from interlock_upstream.port import UpstreamClient, UpstreamResponse
from interlock_upstream.request import PhaseLimits, UpstreamRequest
from tests.services.interlock_gateway.wire import LAST_CHUNK, chunk, connected, newest, request

DEADLINE_MS, FIRST_MS = 400, 350
POLICY = (
    f"{{attempts: {{deadline: {DEADLINE_MS}ms, first_token_total: {FIRST_MS}ms, "
    "backoff: {initial: 1ms, max: 2ms}}, "
    "timeouts: {response: 100ms, first_token: 100ms, stall: 100ms}, "
    "cooldown: {initial: 20ms, max: 40ms}, half_open: {probe_interval: 10ms, ramp: 0s}}"
)
HEDGED = f"{POLICY[:-1]}, hedge: {{enabled: true, after: 25ms}}, budgets: {{hedge_ratio: 1.0}}}}"
BEHAVIOURS = [
    healthy(),
    healthy(interval_ms=5),
    fail(400),
    fail(401),
    fail(404),
    fail(409),
    fail(429),
    fail(429, headers={"retry-after": "1"}),
    fail(500),
    fail(503),
    Behaviour(kind=Kind.RESET),
    Behaviour(kind=Kind.HTML),
    Behaviour(kind=Kind.EMPTY),
    Behaviour(kind=Kind.NO_STREAM),
    Behaviour(kind=Kind.NO_SENTINEL),
    *(cut(at) for at in At),
    *(cut(at, clean=True) for at in (At.PREAMBLE, At.CONTENT)),
    *(stall(at) for at in At),
    *(error_in_200(at) for at in (At.PREAMBLE, At.CONTENT)),
    *(Behaviour(kind=Kind.MALFORMED, at=at) for at in (At.PREAMBLE, At.CONTENT)),
    Behaviour(kind=Kind.CUT, at=At.CONTENT, interval_ms=10),
    Behaviour(kind=Kind.ERROR, at=At.CONTENT, interval_ms=10),
]
SILENT = {FailureClass.CALLER_FAULT}


async def _ask(loop: RunningLoop, *, stream: bool, leaves: bool) -> None:
    if leaves:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=stream))
            await asyncio.sleep(0.06)  # long enough for some to be answered, too short for others
        return
    with contextlib.suppress(httpx2.RemoteProtocolError, httpx2.ReadError):
        await loop.chat(stream=stream)


async def _told(loop: RunningLoop) -> Counter[tuple[str, str]]:
    """What the log says of each target, once everything was sent."""
    told: Counter[tuple[str, str]] = Counter()
    for failed in await loop.facts(AttemptFailed):
        told[failed.target, "failed"] += 1
        told[failed.target, "succeeded"] += failed.ok_before
    for succeeded in await loop.facts(AttemptSucceeded):
        told[succeeded.target, "succeeded"] += 1
    for counted in await loop.facts(SuccessesCounted):
        for row in counted.rows:
            told[row.target, "succeeded"] += row.count
    return +told


ASKS = st.tuples(st.sampled_from(BEHAVIOURS), st.sampled_from(BEHAVIOURS), st.booleans(), st.booleans())


@pytest.mark.parametrize("policy", [POLICY, HEDGED], ids=["alone", "hedged"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(asks=st.lists(ASKS, min_size=1, max_size=5))
async def test_requests_and_attempts_are_accounted_exactly_once(policy, asks):
    async with SimulatedProvider("atlas") as atlas, SimulatedProvider("breeze") as breeze:
        async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
            for atlas.behaviour, breeze.behaviour, stream, leaves in asks:
                await _ask(loop, stream=stream, leaves=leaves)
            await loop.gateway.service.stop(drain_s=30.0, flush_s=30.0)
            records = (await loop.records.newest(RecordFilter(limit=100))).records
            told = await _told(loop)
            attempted = atlas.attempts + breeze.attempts
        assert loop.gateway.service.gateway.client.stats().open == 0
    assert len(records) == len(asks)
    assert len({record.seq for record in records}) == len(asks)
    attempts = [attempt for record in records for attempt in record.attempts]
    # A kept connection that is reset without a byte is taken for stale, and the request is written once more.
    unheard = sum(attempt.failure is FailureClass.DISCONNECT for attempt in attempts)
    connecting = sum(
        attempt.outcome in {Outcome.ABORTED, Outcome.LOST} or attempt.phase is Phase.CONNECT
        for attempt in attempts
    )
    assert len(attempts) - connecting <= attempted <= len(attempts) + unheard
    seen: Counter[tuple[str, str]] = Counter()
    for record in records:
        assert sorted(attempt.number for attempt in record.attempts) == [*range(1, len(record.attempts) + 1)]
        assert sum(attempt.hedge for attempt in record.attempts) <= 1
        assert record.attempts == () or record.attempts[-1].outcome is not Outcome.LOST
        assert record.result is not Result.REFUSED
        succeeded = [a for a in record.attempts if a.outcome is Outcome.SUCCEEDED]
        assert (record.result is Result.ANSWERED) == bool(succeeded)
        assert succeeded in ([], [record.attempts[-1]])
        assert all(a.failure is not None for a in record.attempts if a.outcome is Outcome.FAILED)
        ends_ms = FIRST_MS if record.inputs.traits.stream else DEADLINE_MS
        for attempt in record.attempts:
            # It ran out of the request's time, not of its own; timers are exact to a millisecond.
            late = (
                attempt.failure is FailureClass.TIMEOUT
                and attempt.ttft_ms is None
                and attempt.ended_ms >= ends_ms - 1
            )
            if attempt.outcome is Outcome.SUCCEEDED:
                seen[attempt.target, "succeeded"] += 1
            elif attempt.outcome is Outcome.FAILED and attempt.failure not in SILENT and not late:
                seen[attempt.target, "failed"] += 1
    assert told == seen


async def test_refused_requests_are_counted_and_leave_no_record(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        await loop.http.post("/v1/chat/completions", content=b"{")
        await loop.http.post("/v1/chat/completions", content=b'{"messages": []}')
        page = (await loop.http.get("/metrics")).text
        await loop.gateway.service.gateway.records.flush()
        records = (await loop.records.newest(RecordFilter())).records
    assert records == ()
    assert 'interlock_requests_total{pool="",result="refused"} 2.0' in page


async def test_an_unknown_model_is_recorded_without_a_decision(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.chat("nothing")
        record = await loop.record(answer)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert (record.result, record.decision, record.attempts) == (Result.NO_TARGET, None, ())
    assert record.inputs.model == "nothing"


async def test_a_record_holds_the_inputs_that_give_its_plan_again(atlas, breeze):
    from interlock_domain.routing.decision import Decision, encode_plan
    from interlock_domain.routing.route import route

    atlas.behaviour = fail(500)
    pools = "{chat: {strategy: weighted_random, members: [atlas/large, breeze/large]}}"
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools)
    async with running(config) as loop:
        for _ in range(12):
            held = loop.gateway.service.gateway.follow.held
            answer = await loop.chat()
            record = await loop.record(answer)
            if held is None or record.snapshot != held.version:
                continue
            again = route(held.snapshot, record.inputs)
            assert isinstance(again, Decision)
            assert record.decision is not None
            assert encode_plan(again) == encode_plan(record.decision)


class BrokenClient:
    """An upstream client with a bug: it raises what nobody expects, before or within an answer."""

    def __init__(self, client: UpstreamClient, *, within: bool) -> None:
        self._client = client
        self._within = within
        self.broken = True

    async def send(self, request: UpstreamRequest, limits: PhaseLimits) -> UpstreamResponse:
        if not self.broken:
            return await self._client.send(request, limits)
        if not self._within:
            raise ZeroDivisionError("a bug")
        return BrokenResponse()

    def stats(self) -> PoolStats:
        return self._client.stats()

    async def close(self) -> None:
        await self._client.close()


class BrokenResponse:
    """One piece of content, then the bug."""

    def __init__(self) -> None:
        self.status = 200
        self.headers = [(b"content-type", b"text/event-stream")]
        self._given = False

    @property
    def complete(self) -> bool:
        return False

    def header(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)

    async def next(self, idle_s: float) -> bytes | None:
        if self._given:
            raise ZeroDivisionError("a bug")
        self._given = True
        return chunk("hi")

    async def pour(self, sink: Callable[[bytes], bool], idle_s: float) -> None:
        """Nothing comes of itself."""

    async def read(self, max_bytes: int, idle_s: float, deadline_s: float | None = None) -> bytes:
        raise ZeroDivisionError("a bug")

    def release(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("within", [False, True])
async def test_a_bug_costs_one_request_and_is_recorded_as_ours(atlas, within):
    client = BrokenClient(HttpClient(), within=within)
    async with running(declaring({"atlas": atlas.url}), options=GatewayOptions(client=client)) as loop:
        async with connected(loop.gateway.port) as raw:
            await raw.send(request(stream=True, headers={"Connection": "close"}))
            got = await raw.rest()
        record = await newest(loop)
        failed = await loop.facts(AttemptFailed)
        client.broken = False
        assert (await loop.chat()).status_code == 200
    assert got.startswith(b"HTTP/1.1 200" if within else b"HTTP/1.1 500")
    assert b'"code":"internal"' in got
    assert not got.endswith(LAST_CHUNK)
    assert b"a bug" not in got
    assert record.result is (Result.BROKEN if within else Result.EXHAUSTED)
    assert (record.reason, [a.outcome for a in record.attempts]) == ("internal", [Outcome.ABORTED])
    assert failed == []
