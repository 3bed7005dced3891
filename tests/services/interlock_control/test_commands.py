"""Commands under concurrency: decided on what the log holds, tried again when overtaken, appended once."""

import uuid

import pytest

from interlock_control.commands import ATTEMPTS, Accepted, Asked, CommandHandler, KeyReused, Overtaken, Stale
from interlock_control.decisions import PAGE, TYPES, LogDecisions
from interlock_domain.catalog.commands import SetCooldown, SetTargetState
from interlock_domain.catalog.decide import Rejected
from interlock_domain.events import CooldownSet, TargetRemoved
from interlock_domain.recorded import NewEvent
from interlock_domain.words import AdminState
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.log import StreamAppend
from interlock_testing.clock import FakeClock
from tests.services.facts import Worker, apply_config

COOL = SetCooldown(target="atlas/large", duration_ms=60_000)
ALICE = Asked(actor="alice")


class Contended(MemoryEventLog):
    """A log in which another writer is faster a number of times."""

    def __init__(self) -> None:
        super().__init__(FakeClock().wall_ms)
        self.faster: list[CooldownSet | TargetRemoved] = []

    async def append(self, appends):
        if self.faster:
            event = self.faster.pop(0)
            new = NewEvent(id=f"other-{await self.head()}", event=event, actor="bob")
            await super().append(
                [StreamAppend(stream="target/atlas/large", expected_version=None, events=(new,))]
            )
        return await super().append(appends)


def other() -> CooldownSet:
    return CooldownSet(target="atlas/large", shape="*", duration_ms=1)


@pytest.fixture
async def log() -> Contended:
    made = Contended()
    await handler(made).handle(apply_config(), ALICE)
    return made


def handler(log: MemoryEventLog) -> CommandHandler:
    return CommandHandler(LogDecisions(log), lambda: uuid.uuid4().hex)


async def test_a_command_that_was_overtaken_is_decided_anew_and_appended(log):
    log.faster = [other()]
    answer = await handler(log).handle(COOL, ALICE)
    assert isinstance(answer, Accepted)
    assert answer.version == 3


async def test_a_command_that_is_overtaken_each_time_gives_up_and_says_by_which_stream(log):
    log.faster = [other() for _ in range(ATTEMPTS)]
    assert await handler(log).handle(COOL, ALICE) == Overtaken(stream="target/atlas/large")


async def test_what_another_writer_decided_is_seen_by_the_next_command(log):
    mine = handler(log)
    await mine.handle(COOL, ALICE)
    raw = {"providers": {"breeze": {"base_url": "http://127.0.0.1:9002/v1", "api_key": "none"}}}
    config = apply_config(raw | {"pools": {"chat": ["breeze/x"]}})
    assert isinstance(await handler(log).handle(config, ALICE), Accepted)
    assert isinstance(await mine.handle(COOL, ALICE), Rejected)


async def test_a_version_that_moved_while_we_were_overtaken_is_stale(log):
    log.faster = [other()]
    asked = Asked(actor="alice", seen=1)
    assert await handler(log).handle(COOL, asked) == Stale(stream="target/atlas/large", seen=1, actual=2)


async def test_a_key_holds_over_restarts_of_the_control_plane(log):
    asked = Asked(actor="alice", key="k")
    first, again = await handler(log).handle(COOL, asked), await handler(log).handle(COOL, asked)
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert (again.position, again.repeated) == (first.position, True)


async def test_a_key_used_by_two_different_commands_is_refused(log):
    mine, asked = handler(log), Asked(actor="alice", key="k")
    await mine.handle(COOL, asked)
    other_command = SetTargetState(target="atlas/large", state=AdminState.DRAINED)
    assert await mine.handle(other_command, asked) == KeyReused(key="k")


async def test_decisions_are_found_among_any_number_of_facts(log):
    worker = Worker()
    await log.publish(worker.stream, [worker.report() for _ in range(3 * PAGE)])
    mine = handler(log)
    assert (await mine.declared()).revision == 1
    assert await mine.version_of("target/atlas/large") == 1
    assert await mine.version_of("target/nobody") == 0
    assert "CooldownSet" in TYPES


async def test_a_configuration_of_more_than_a_page_is_read_whole(log):
    many = [f"atlas/m{number}" for number in range(PAGE + 10)]
    raw = {
        "providers": {"atlas": {"base_url": "http://127.0.0.1:9/v1", "api_key": "none"}},
        "pools": {"all": many},
    }
    command = apply_config(raw)
    await handler(log).handle(command, Asked(actor="alice"))
    declared = await handler(log).declared()
    assert {target.id for target in declared.targets.values()} >= set(many)
