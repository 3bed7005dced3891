"""Faults between a producer and the broker, drawn from a seed, over the real sender.

Rule: only what the sender's rules allow can happen: a send is refused before it leaves, arrives whole or in
part without an answer, waits, or is given up and arrives behind everything that was sent since. Records of
one send never change their order. Dropped: faults in a proxy of the protocol, where a seed decides nothing.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import KafkaSender, Unsent

LONGEST_S: Final = 0.03
"""Of a delay: several sends of the others pass meanwhile."""


class Fate(StrEnum):
    """What becomes of a send."""

    WHOLE = "whole"
    DELAYED = "delayed"
    REFUSED = "refused before it left"
    UNHEARD = "arrived, not acknowledged"
    TORN = "arrived in part"
    LATE = "given up, arrived later"


WEIGHTS: Final = {
    Fate.WHOLE: 8,
    Fate.DELAYED: 3,
    Fate.REFUSED: 2,
    Fate.UNHEARD: 2,
    Fate.TORN: 2,
    Fate.LATE: 2,
}


class FaultySender:
    """Sends like a KafkaSender with bad luck; `late` is another one, because an abandoned producer is."""

    def __init__(self, sender: KafkaSender, late: KafkaSender, draw: random.Random) -> None:
        self.fates: Counter[Fate] = Counter()
        self._sender = sender
        self._late = late
        self._draw = draw
        self._abandoned: set[asyncio.Task[None]] = set()

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """See KafkaSender."""
        fate = self._draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        self.fates[fate] += 1
        if fate is Fate.REFUSED:
            raise Unsent(fate)
        if fate is Fate.LATE:
            self._abandon(topic, records)
            raise Unsent(fate)
        if fate is Fate.DELAYED:
            await asyncio.sleep(self._draw.uniform(0, LONGEST_S))
        if fate is Fate.TORN:
            records = records[: self._draw.randrange(len(records))]
        sent = await self._sender.send(topic, records)
        if fate in {Fate.TORN, Fate.UNHEARD}:
            raise Unsent(fate)
        return sent

    async def settle(self) -> None:
        """Until what was given up has arrived."""
        await asyncio.gather(*self._abandoned)

    async def close(self) -> None:
        """Let go of the brokers."""
        await asyncio.gather(self._sender.close(), self._late.close())

    def _abandon(self, topic: str, records: Sequence[OutRecord]) -> None:
        async def arrive() -> None:
            await asyncio.sleep(pause_s)
            await self._late.send(topic, records)

        pause_s = self._draw.uniform(0, LONGEST_S)
        task = asyncio.create_task(arrive())
        self._abandoned.add(task)
