"""A fold of one's own: it follows, says what it cannot reach, and never shows less than it was told of."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest

from interlock_control.follower import Follower
from interlock_domain.projection.checkpoint import STATE_SCHEMA, encode_state, state_digest
from interlock_domain.projection.effects import Effect
from interlock_domain.recorded import RecordedEvent
from interlock_domain.words import EffectKind, FailureClass
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.log import UnreadableDecision
from interlock_testing.clock import FakeClock
from interlock_testing.waiting import until
from interlock_views.adapters.memory import MemoryViews
from interlock_views.views import Checkpoint
from tests.services.facts import Worker
from tests.services.interlock_projector.rig import declare
from tests.services.stores import Stores, folded

NAME = "routing-1"
PATIENCE_S = 30.0
"""The fold runs beside the test, on a machine that may be busy."""
patient = partial(until, timeout_s=PATIENCE_S)


class Away(Exception):
    """The log cannot be reached."""


class Fragile(MemoryEventLog):
    """A log that can be out of reach, be cut at its beginning, and be replaced by a shorter one."""

    def __init__(self) -> None:
        super().__init__(FakeClock().wall_ms)
        self.failing: Exception | None = None
        self.begins = 1
        self.ends: int | None = None

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        if self.failing is not None:
            raise self.failing
        if self.ends is not None:
            return []
        return await super().read(after=max(after, self.begins - 1), limit=limit, stream=stream)

    async def head(self) -> int:
        return await super().head() if self.ends is None else self.ends


@pytest.fixture
def stores(tmp_path) -> Stores:
    made = Stores("memory", tmp_path, FakeClock().wall_ms)
    made.log = Fragile()
    return made


def log_of(stores: Stores) -> Fragile:
    assert isinstance(stores.log, Fragile)
    return stores.log


def follower(stores: Stores, clock: FakeClock | None = None) -> Follower:
    return Follower(stores.log, stores.views, clock=clock or FakeClock(), generation=3, away=(Away,))


@asynccontextmanager
async def following(one: Follower) -> AsyncIterator[Follower]:
    await one.start()
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def checkpoint(stores: Stores, *, at: int) -> None:
    """What a projector would have saved there."""
    state = await folded(stores.log, to=at)
    assert isinstance(stores.views, MemoryViews)
    await stores.views.save_checkpoint(
        Checkpoint(
            projection=NAME,
            schema=STATE_SCHEMA,
            position=at,
            recorded_ms=0,
            digest=state_digest(state),
            state=encode_state(state),
        )
    )


async def failures(stores: Stores, count: int) -> int:
    worker = Worker(boot=f"b{await stores.log.head()}")
    position = 0
    for _ in range(count):
        position = await stores.log.publish(worker.stream, [worker.failed()])
    return position


async def test_given_a_log_when_followed_then_the_state_is_its_fold(stores: Stores):
    await declare(stores)
    position = await failures(stores, 3)
    async with following(follower(stores)) as one:
        assert await one.wait_position(position, PATIENCE_S)
        assert encode_state(one.current()[0]) == encode_state(await folded(stores.log))
        later = await failures(stores, 2)
        assert await one.wait_position(later, PATIENCE_S)
        assert encode_state(one.current()[0]) == encode_state(await folded(stores.log))
        assert one.status().generation == 3
        assert one.status().events == later


async def test_a_position_that_does_not_come_is_waited_for_in_vain(stores: Stores):
    position = await declare(stores)
    async with following(follower(stores)) as one:
        assert await one.wait_position(position, PATIENCE_S)
        assert not await one.wait_position(position + 1, 0.05)


async def test_it_is_not_ready_before_it_was_at_the_end_once(stores: Stores):
    await declare(stores)
    one = follower(stores)
    await one.start()
    assert one.status().halted is not None
    async with following(one):
        await patient(lambda: one.status().halted is None, what="the end of the log")


async def test_given_a_checkpoint_then_only_what_follows_is_read(stores: Stores):
    await declare(stores)
    position = await failures(stores, 3)
    await checkpoint(stores, at=position - 1)
    log_of(stores).begins = position
    async with following(follower(stores)) as one:
        assert await one.wait_position(position, PATIENCE_S)
        assert one.status().events == 1
        assert encode_state(one.current()[0]) == encode_state(await whole(stores))


async def whole(stores: Stores):
    log_of(stores).begins = 1
    return await folded(stores.log)


async def test_while_the_log_is_away_the_last_state_is_shown_with_its_age_and_the_reason(stores: Stores):
    clock, position = FakeClock(), await declare(stores)
    async with following(follower(stores, clock)) as one:
        assert await one.wait_position(position, PATIENCE_S)
        await patient(lambda: one.status().halted is None, what="the end of the log")
        log_of(stores).failing = Away("Kafka is away: start it.")
        await failures(stores, 1)
        await patient(lambda: one.status().trouble, what="the trouble to be seen")
        clock.advance(20)
        status = one.status()
        assert (status.trouble, status.halted) == ("Kafka is away: start it.", None)
        assert status.age_ms >= 20_000
        assert one.current()[0].position == position
        log_of(stores).failing = None
        assert await one.wait_position(position + 1, PATIENCE_S)
        await patient(lambda: one.status().trouble is None, what="the end of the trouble")
        assert one.status().age_ms < 20_000


async def test_given_a_log_that_is_away_from_the_start_then_the_checkpoint_is_shown_and_it_is_not_ready(
    stores: Stores,
):
    position = await declare(stores)
    await checkpoint(stores, at=position)
    log_of(stores).failing = Away("Kafka is away: start it.")
    async with following(follower(stores)) as one:
        await patient(lambda: one.status().trouble, what="the trouble to be seen")
        assert one.status().halted == "Kafka is away: start it."
        assert one.current()[0].position == position


async def test_given_a_hole_then_it_starts_anew_from_a_later_checkpoint_and_who_waits_gets_it(stores: Stores):
    await declare(stores)
    position = await failures(stores, 6)
    log_of(stores).begins = position - 1
    async with following(follower(stores)) as one:
        waiting = asyncio.create_task(one.wait_position(position, PATIENCE_S))
        await patient(lambda: one.status().trouble, what="the hole to be seen")
        assert "begins at" in str(one.status().trouble)
        log_of(stores).begins = 1
        await checkpoint(stores, at=position - 2)
        log_of(stores).begins = position - 1
        assert await waiting
        assert encode_state(one.current()[0]) == encode_state(await whole(stores))


async def test_a_log_that_is_shorter_than_what_was_read_was_replaced_and_that_is_said_once(
    stores: Stores, caplog
):
    position = await declare(stores)
    async with following(follower(stores)) as one:
        assert await one.wait_position(position, PATIENCE_S)
        log_of(stores).ends = position - 1
        await failures(stores, 1)
        await patient(lambda: one.status().trouble, what="the shorter log to be seen")
        assert "--new-generation" in str(one.status().trouble)
        assert len([record for record in caplog.records if "stands at" in record.message]) == 1


async def test_a_decision_that_cannot_be_read_is_told_in_its_own_words(stores: Stores):
    log_of(stores).failing = UnreadableDecision("the decision at position 1 cannot be read: upgrade")
    async with following(follower(stores)) as one:
        await patient(lambda: one.status().trouble, what="the refusal")
        assert one.status().halted == "the decision at position 1 cannot be read: upgrade"


async def test_a_mistake_of_ours_stops_it_and_asks_for_the_trace(stores: Stores, caplog):
    log_of(stores).failing = ZeroDivisionError("never")
    async with following(follower(stores)) as one:
        await patient(lambda: "report the trace" in str(one.status().halted), what="the stop")
    assert any(record.exc_info for record in caplog.records)


async def test_listeners_hear_what_is_observed(stores: Stores):
    heard: list[Effect] = []

    def hear(effects: Sequence[Effect]) -> None:
        heard.extend(effects)

    one = follower(stores)
    one.listen(hear)
    await declare(stores)
    worker = Worker()
    report = worker.report(fingerprints={"atlas": "aabbccdd00112233"})
    refused = [worker.failed(failure=FailureClass.AUTH, status=401) for _ in range(4)]
    position = await stores.log.publish(worker.stream, [report, *refused])
    async with following(one):
        assert await one.wait_position(position, PATIENCE_S)
    assert EffectKind.CREDENTIAL_SUSPECT in {effect.kind for effect in heard}
