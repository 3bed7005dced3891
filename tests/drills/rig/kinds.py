"""The kinds of the kill matrix: which part of a cluster is struck, and how one is found at that moment.

Rule: a kind names its victim when it is struck, because who holds the relay or the projection moves with
every round.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from interlock_testing.services.kafka import KafkaCluster
from interlock_testing.services.postgres import PostgresServer
from interlock_testing.waiting import until
from tests.drills.rig.database import CellDatabase
from tests.drills.rig.fleet import Fleet
from tests.drills.rig.victims import BrokerVictim, PostgresVictim, ProcessVictim, Together, Victim

STANDS_S: Final = 60.0
"""Words and failing requests change rows all the time."""


class Kind(StrEnum):
    """What is struck."""

    BROKER_OF_THREE = "one broker of three"
    ONLY_BROKER = "the only broker"
    POSTGRES = "PostgreSQL"
    RELAY = "relay"
    OWNER = "projector owner"
    OWNER_IN_COMMIT = "projector mid-transaction"
    CONTROL = "control"
    GATEWAY = "a gateway"
    ALL = "control, projector, PostgreSQL and Kafka at once"


class Way(StrEnum):
    """How."""

    KILL = "kill -9"
    STOP = "SIGSTOP"


BROKERS: Final = {kind: 3 if kind is Kind.BROKER_OF_THREE else 1 for kind in Kind}
"""Brokers of the cell that a kind is struck in."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Everything that may be struck. `number`: which round, so that equals take turns."""

    fleet: Fleet
    kafka: KafkaCluster
    server: PostgresServer
    database: CellDatabase
    number: int = 0


Find = Callable[[Ground], Awaitable[Victim]]


async def _broker(ground: Ground) -> Victim:
    return BrokerVictim(ground.kafka, ground.kafka.ids[ground.number % len(ground.kafka.ids)])


async def _postgres(ground: Ground) -> Victim:
    return PostgresVictim(ground.server)


async def _relay(ground: Ground) -> Victim:
    return ProcessVictim((await ground.fleet.relay()).process)


async def _owner(ground: Ground) -> Victim:
    return ProcessVictim(await ground.fleet.owner())


async def _control(ground: Ground) -> Victim:
    """One that is not the relay: that one is a kind of its own."""
    relay = await ground.fleet.relay()
    return ProcessVictim(next(one.process for one in ground.fleet.controls if one is not relay))


async def _gateway(ground: Ground) -> Victim:
    return ground.fleet.gateways[ground.number % len(ground.fleet.gateways)]


async def _all(ground: Ground) -> Victim:
    ours = [*(one.process for one in ground.fleet.controls), *ground.fleet.projectors]
    stores: list[Victim] = [BrokerVictim(ground.kafka, one) for one in ground.kafka.ids]
    return Together([*stores, PostgresVictim(ground.server)], [ProcessVictim(one) for one in ours])


_FIND: Final[dict[Kind, Find]] = {
    Kind.BROKER_OF_THREE: _broker,
    Kind.ONLY_BROKER: _broker,
    Kind.POSTGRES: _postgres,
    Kind.RELAY: _relay,
    Kind.OWNER: _owner,
    Kind.OWNER_IN_COMMIT: _owner,
    Kind.CONTROL: _control,
    Kind.GATEWAY: _gateway,
    Kind.ALL: _all,
}


@contextlib.asynccontextmanager
async def struck(kind: Kind, way: Way, ground: Ground) -> AsyncIterator[Victim]:
    """Find the victim and strike it; the body lets time pass and brings it back."""
    if kind is Kind.OWNER_IN_COMMIT:
        async with ground.database.rows_held():
            await until(ground.database.commit_stands, timeout_s=STANDS_S, what="a commit to be under way")
            victim = await _owner(ground)
            _strike(victim, way)
    else:
        victim = await _FIND[kind](ground)
        _strike(victim, way)
    try:
        yield victim
    except BaseException:
        if way is Way.STOP:  # what stands still cannot even end
            with contextlib.suppress(Exception):
                await victim.go_on()
        raise


async def back(victim: Victim, way: Way) -> None:
    """Start it again, or let it go on."""
    await (victim.start() if way is Way.KILL else victim.go_on())


def _strike(victim: Victim, way: Way) -> None:
    if way is Way.KILL:
        victim.kill()
    else:
        victim.pause()
