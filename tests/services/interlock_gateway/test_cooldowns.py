"""What failures teach: this worker at once, the fleet through the log, and how a target comes back."""

import asyncio
from collections.abc import Callable

import pytest

from interlock_domain.catalog.commands import (
    LiftCooldown,
    QuarantineCredential,
    ReleaseCredential,
    SetCooldown,
)
from interlock_domain.events import AttemptFailed, AttemptSucceeded, GatewayReported, SuccessesCounted
from interlock_domain.rows import CooldownPhase, cooldown_phase
from interlock_domain.words import FailureClass, Outcome, Provenance, Reason
from interlock_testing.behaviour import At, Behaviour, Kind, fail, healthy, stall
from interlock_testing.running import GatewayOptions, RunningLoop, Served, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import newest

LONG_S = 30.0
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
NO_RETRY = "attempts: {retries_per_target: 0}"
SHORT = (
    f"{{{NO_RETRY}, cooldown: {{initial: 300ms, max: 600ms}}, "
    "half_open: {probe_interval: 1s, ramp_from: 0.05, ramp: 4s}}"
)


def two(atlas, breeze, policy: str = f"{{{NO_RETRY}}}") -> str:
    return declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)


async def trip(loop: RunningLoop, n: int = 2) -> None:
    """Fail so often that a breaker opens; each request is answered elsewhere."""
    for _ in range(n):
        assert (await loop.chat()).status_code == 200


def rests(loop: RunningLoop, target: str = "atlas/large") -> list[str]:
    """Shapes of a target that rest by the fold."""
    row = loop.row(target)
    return [] if row is None else [cooldown.shape for cooldown in row.learned]


async def rested(loop: RunningLoop, target: str = "atlas/large") -> None:
    await until(lambda: rests(loop, target), what=f"{target} to rest in the gateway's snapshot")


async def test_this_worker_acts_before_the_projection_does(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(two(atlas, breeze)) as loop:
        await loop.pause()
        await trip(loop)
        assert atlas.attempts == 2
        record = await loop.record(await loop.chat())
        assert rests(loop) == []
    assert atlas.attempts == 2
    assert record.inputs.local == ("atlas/large",)
    assert record.decision is not None
    assert record.decision.candidates[-1].reasons == (Reason.LOCAL_BREAKER,)


async def test_a_local_breaker_never_takes_the_last_member(atlas):
    atlas.behaviour = fail(500)
    async with running(declaring({"atlas": atlas.url}, policy=f"{{{NO_RETRY}}}")) as loop:
        await loop.pause()
        for _ in range(5):
            assert (await loop.chat()).status_code == 502
    assert atlas.attempts == 5


async def test_an_open_local_breaker_lets_one_own_request_an_interval_through(atlas, breeze):
    policy = f"{{{NO_RETRY}, cooldown: {{initial: 100ms, max: 100ms}}, half_open: {{probe_interval: 60s}}}}"
    atlas.behaviour = fail(500)
    async with running(two(atlas, breeze, policy)) as loop:
        await loop.pause()
        await trip(loop)
        gateway = loop.gateway.service.gateway
        await until(
            lambda: not gateway.local.open_targets("text", gateway.monotonic() * 1000),
            what="the time to be over",
        )
        atlas.behaviour = stall(At.HEADERS)
        asked = [asyncio.create_task(loop.chat()) for _ in range(6)]
        await until(
            lambda: sum(one.done() for one in asked) >= 5, timeout_s=LONG_S, what="the others' answers"
        )
        atlas.behaviour = healthy()
        atlas.release()
        answers = await asyncio.gather(*asked)
        assert [a.headers["x-interlock-target"] for a in answers].count("atlas/large") == 1
        assert (await loop.chat()).headers["x-interlock-target"] == "atlas/large"


async def test_the_fleets_cooldown_arrives_through_the_feed(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(two(atlas, breeze)) as loop, loop.serving("gw-2") as second:
        await trip(loop)
        await rested(loop)
        follow = second.service.gateway.follow
        await until(
            lambda: follow.held is not None and "atlas/large" in follow.held.snapshot.dynamic.targets,
            what="the other gateway to hear of it",
        )
        seen = atlas.attempts
        answers = [await second.chat() for _ in range(3)]
        await second.service.gateway.records.flush()
        record = await newest(loop)
        opened = await loop.effects("CooldownOpened")
        failed = await loop.facts(AttemptFailed)
    assert atlas.attempts == seen == 2
    assert {a.headers["x-interlock-target"] for a in answers} == {"breeze/large"}
    assert record.inputs.local == ()
    assert record.decision is not None
    assert record.decision.candidates[-1].reasons == (Reason.COOLDOWN_HEURISTIC,)
    assert (opened[0].subject, opened[0].shape, len(opened[0].evidence)) == ("target/atlas/large", "text", 2)
    assert len(failed) == 2


async def test_a_stated_wait_rests_all_shapes_for_as_long_as_stated(atlas, breeze):
    atlas.behaviour = fail(429, headers={"retry-after": "30"})
    async with running(two(atlas, breeze)) as loop:
        await loop.chat()
        locally = await loop.record(await loop.chat(tools=TOOLS))
        await rested(loop)
        row = loop.row("atlas/large")
        log = await loop.log.read(after=0, limit=1_000, stream="gateway/gw-1")
    assert locally.attempts[0].target == "breeze/large"
    assert row is not None
    (rest,) = row.learned
    assert (rest.shape, rest.provenance) == ("*", Provenance.STATED)
    (failed,) = (one for one in log if isinstance(one.event, AttemptFailed))
    assert rest.until_ms - rest.opened_ms == 30_000 - (failed.age_ms or 0)
    assert atlas.attempts == 1


async def test_failing_tools_rest_alone_while_text_goes_on(atlas, breeze):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, status=500, only_tools=True)
    async with running(two(atlas, breeze)) as loop:
        for _ in range(3):
            assert (await loop.chat()).headers["x-interlock-target"] == "atlas/large"
            await loop.chat(tools=TOOLS)
        await rested(loop)
        tools = [(await loop.chat(tools=TOOLS)).headers["x-interlock-target"] for _ in range(3)]
        text = [(await loop.chat()).headers["x-interlock-target"] for _ in range(3)]
        assert rests(loop) == ["tools"]
    assert set(tools) == {"breeze/large"}
    assert set(text) == {"atlas/large"}


async def test_a_refused_connection_rests_every_shape(breeze):
    from interlock_testing.misbehave import refusing

    with refusing() as port:
        config = declaring(
            {"atlas": f"http://127.0.0.1:{port}/v1", "breeze": breeze.url}, policy=f"{{{NO_RETRY}}}"
        )
        async with running(config) as loop:
            await trip(loop)
            await rested(loop)
            record = await loop.record(await loop.chat(tools=TOOLS))
            assert rests(loop) == ["*"]
    assert [a.target for a in record.attempts] == ["breeze/large"]


async def test_a_target_comes_back_by_one_probe_and_a_ramp(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(two(atlas, breeze, SHORT)) as loop:
        await trip(loop)
        await rested(loop)
        atlas.behaviour = healthy(latency_ms=50)
        seen = atlas.attempts
        record = await until(lambda: probe(loop), what="the probe", timeout_s=LONG_S)
        assert record.attempts[0].outcome is Outcome.SUCCEEDED
        assert atlas.attempts == seen + 1
        await until(lambda: phase(loop) is CooldownPhase.RAMPING, timeout_s=LONG_S, what="the ramp")
        early = await loop.record(await loop.chat())
        await until(lambda: phase(loop) is None, what="the ramp to end", timeout_s=LONG_S)
        assert (await loop.chat()).headers["x-interlock-target"] == "atlas/large"
        ended = await loop.effects("RampEnded")
        told = await loop.facts(AttemptSucceeded)
    assert early.decision is not None
    assert {c.target for c in early.decision.candidates if c.rank} == {"atlas/large", "breeze/large"}
    assert [e.subject for e in ended] == ["target/atlas/large"]
    assert told[0].probe


async def probe(loop: RunningLoop):
    """Ask once; the record if the request was somebody's probe."""
    record = await loop.record(await loop.chat())
    return record if record.attempts[0].probe else None


def phase(loop: RunningLoop) -> CooldownPhase | None:
    return phase_at(loop.gateway)


def _half_open(served: Served) -> Callable[[], bool]:
    return lambda: phase_at(served) is CooldownPhase.HALF_OPEN


def phase_at(served: Served) -> CooldownPhase | None:
    """What that gateway thinks of the first target."""
    gateway = served.service.gateway
    held = gateway.follow.held
    row = None if held is None else held.snapshot.dynamic.targets.get("atlas/large")
    if held is None or row is None or not row.learned:
        return None
    policy = held.snapshot.targets["atlas/large"].policy.half_open
    return cooldown_phase(row.learned[0], policy, gateway.follow.as_of_ms())


async def test_a_half_open_target_gets_one_probe_a_slot_from_all_gateways_together(atlas, breeze):
    # A slot of hours: one that ends amid the requests would allow a second probe.
    policy = f"{{{NO_RETRY}, cooldown: {{initial: 100ms, max: 100ms}}, half_open: {{probe_interval: 100h}}}}"
    atlas.behaviour = fail(500)
    async with running(two(atlas, breeze, policy)) as loop, loop.serving("gw-2") as second:
        await second.chat()
        await trip(loop)
        for gateway in (loop.gateway, second):
            await until(_half_open(gateway), timeout_s=LONG_S, what="the target to be half-open")
        seen = atlas.attempts
        atlas.behaviour = stall(At.HEADERS)
        asked = [asyncio.create_task(one.chat()) for _ in range(10) for one in (loop.gateway, second)]
        await until(lambda: sum(one.done() for one in asked) >= 19, timeout_s=15, what="the others' answers")
        atlas.release()
        answers = await asyncio.gather(*asked)
    assert {a.status_code for a in answers} == {200}
    assert atlas.attempts - seen == 1


async def test_a_failed_probe_reopens_for_twice_as_long(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(two(atlas, breeze, SHORT)) as loop:
        await trip(loop)
        await rested(loop)
        first = loop.row("atlas/large")
        await until(lambda: probe(loop), what="a probe", timeout_s=LONG_S)
        await until(
            lambda: (row := loop.row("atlas/large")) and row.learned[0].level == 1, what="the reopening"
        )
        second = loop.row("atlas/large")
    assert first is not None
    assert second is not None
    lengths = [row.learned[0].until_ms - row.learned[0].opened_ms for row in (first, second)]
    assert 270 <= lengths[0] <= 330
    assert 540 <= lengths[1] <= 660


async def test_an_operators_cooldown_and_its_lifting_reach_the_gateway(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(two(atlas, breeze)) as loop:
        await trip(loop)
        await rested(loop)
        atlas.behaviour = healthy()
        await loop.command(LiftCooldown(target="atlas/large"))
        await loop.settle()
        lifted = await loop.record(await loop.chat())
        await loop.command(SetCooldown(target="atlas/large", duration_ms=60_000))
        await loop.settle()
        cooled = await loop.chat()
    assert lifted.inputs.local == ()
    assert lifted.attempts[0].target == "atlas/large"
    assert cooled.headers["x-interlock-target"] == "breeze/large"


async def test_a_refused_credential_becomes_suspect_and_its_quarantine_is_obeyed(atlas, breeze):
    config = two(atlas, breeze).replace("api_key: none", "api_key: env:ATLAS_KEY", 1)
    options = GatewayOptions(secrets={"ATLAS_KEY": "sk-1"}, fingerprints={"atlas": "f1"})
    atlas.behaviour = fail(401)
    async with running(config, options=options) as loop:
        await trip(loop, 4)
        (suspect,) = await until(lambda: loop.effects("CredentialSuspect"), what="the suspicion")
        assert (suspect.subject, suspect.fingerprint) == ("provider/atlas", "f1")
        seen = atlas.attempts
        await loop.command(
            QuarantineCredential(
                provider="atlas", fingerprint="f1", failure=FailureClass.AUTH, recheck_ms=300_000
            )
        )
        await loop.settle()
        record = await loop.record(await loop.chat())
        assert atlas.attempts == seen
        assert record.inputs.fingerprints == {"atlas": "f1"}
        assert record.decision is not None
        assert record.decision.candidates[-1].reasons == (Reason.QUARANTINED,)
        atlas.behaviour = healthy()
        await loop.command(ReleaseCredential(provider="atlas", fingerprint="f1"))
        await loop.settle()
        assert (await loop.chat()).headers["x-interlock-target"] == "atlas/large"


async def test_a_quarantined_credential_is_proved_by_one_real_request(atlas, breeze):
    config = two(atlas, breeze).replace("api_key: none", "api_key: env:ATLAS_KEY", 1)
    options = GatewayOptions(secrets={"ATLAS_KEY": "sk-1"}, fingerprints={"atlas": "f1"})
    quarantine = QuarantineCredential(
        provider="atlas", fingerprint="f1", failure=FailureClass.AUTH, recheck_ms=200
    )
    async with running(config, options=options) as loop:
        await loop.chat()
        await loop.command(quarantine)
        await loop.settle()
        record = await until(lambda: probe(loop), what="the recheck")
        (proved,) = await until(lambda: loop.effects("CredentialProved"), what="the proof")
    assert record.attempts[0].target == "atlas/large"
    assert record.inputs.fingerprints == {"atlas": "f1"}
    assert (proved.subject, proved.fingerprint) == ("provider/atlas", "f1")


async def test_a_model_that_upstream_does_not_know_goes_out_for_everybody(atlas, breeze):
    unknown = '{"error": {"message": "no `large`", "type": "x", "param": null, "code": "model_not_found"}}'
    atlas.behaviour = fail(404, unknown)
    async with running(two(atlas, breeze)) as loop:
        await trip(loop, 4)
        await until(lambda: loop.effects("TargetOut"), what="the target to go out")
        await until(lambda: (row := loop.row("atlas/large")) and row.out, what="the snapshot that says so")
        seen = atlas.attempts
        await trip(loop, 3)
    assert atlas.attempts == seen


async def test_a_success_beside_failures_is_told_before_them_and_only_once(atlas, breeze):
    async with running(two(atlas, breeze)) as loop:
        await trip(loop, 5)
        atlas.behaviour = fail(500)
        await loop.chat()
        await until(lambda: _successes(loop, "breeze/large"), timeout_s=LONG_S, what="the counts")
        told = await loop.log.read(after=0, limit=1_000, stream="gateway/gw-1")
        counts = await _successes(loop, "atlas/large")
    (failed,) = (one for one in told if isinstance(one.event, AttemptFailed))
    assert isinstance(failed.event, AttemptFailed)
    # Where a second ended amid the successes, those before it were told by themselves.
    assert all(position < failed.position for position, _ in counts)
    assert failed.event.ok_before + sum(count for _, count in counts) == 5
    assert [count for _, count in await _successes(loop, "breeze/large")] == [1]


async def _successes(loop: RunningLoop, target: str) -> list[tuple[int, int]]:
    """The counted successes of a target: position in the log, how many."""
    log = await loop.log.read(after=0, limit=1_000, stream="gateway/gw-1")
    return [
        (one.position, row.count)
        for one in log
        if isinstance(one.event, SuccessesCounted)
        for row in one.event.rows
        if row.target == target
    ]


async def test_a_gateway_reports_itself_first_and_again(atlas, breeze):
    async with running(two(atlas, breeze)) as loop:
        await loop.chat()
        first, *_ = await loop.log.read(after=0, limit=1, stream="gateway/gw-1")
        told = await until(lambda: _running(loop), what="a report that knows of it", timeout_s=LONG_S)
        reports = await loop.facts(GatewayReported)
    assert isinstance(first.event, GatewayReported)
    assert first.source is not None
    assert first.source.seq == 1
    assert {report.moment for report in reports[1:]} == {"running"}
    assert {report.pools for report in told} == {("chat",)}


async def _running(loop: RunningLoop) -> list[GatewayReported]:
    return [report for report in await loop.facts(GatewayReported) if report.pools]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_healthy_minority_of_errors_cools_nobody(atlas, breeze, stream):
    async with running(two(atlas, breeze)) as loop:
        for n in range(40):
            atlas.behaviour = fail(500) if n % 8 == 7 else healthy()
            await loop.chat(stream=stream)
        await loop.settle()
        assert rests(loop) == []
    assert atlas.attempts == 40
