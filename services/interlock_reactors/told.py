"""Copying the reactors' dead letters to their topic, for those who follow it.

Rule: marked after the acknowledgement, so a crash tells a letter twice and never not at all; its id is its
consumer and its place. Every reactors process does it: a copy told by two of them is the same copy. The copy
has the form of the projector's: key, value and headers as they came, and ours in front, `dead_` before each.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final, Protocol

from interlock_eventlog.letter_keeping import LetterKeeper
from interlock_eventlog.letters import KeptLetter
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.trouble import Trouble

LOOK_S: Final = 2.0
"""Letters are rare, and nobody acts on one within seconds."""
LETTERS: Final = 20
COPY_BYTES: Final = 200_000
"""Of a value: a whole record of one MiB and our headers beside its own would be larger than a topic takes.
The database keeps it whole."""
DETAIL: Final = 1_000

_log = logging.getLogger(__name__)


class Sender(Protocol):
    """What is asked of `KafkaSender`."""

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """All acknowledged, in order, or Unsent."""
        ...


class Teller:
    """Copies what is new, until cancelled."""

    def __init__(
        self, keeper: LetterKeeper, sender: Sender, topic: str, *, away: tuple[type[Exception], ...]
    ) -> None:
        self._keeper = keeper
        self._sender = sender
        self._topic = topic
        self._away = away
        self._trouble = Trouble(_log, "publishing dead letters", monotonic=time.monotonic)
        self.copied = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                while await self.tell() == LETTERS:
                    pass
                self._trouble.is_over()
            except self._away as error:
                self._trouble.is_on(error)
            await asyncio.sleep(LOOK_S)

    async def tell(self) -> int:
        """One page; how many there were."""
        found = await self._keeper.untold(LETTERS)
        await self._sender.send(self._topic, [record_of(one) for one in found])
        await self._keeper.told([one.id for one in found])
        self.copied += len(found)
        return len(found)


def record_of(letter: KeptLetter) -> OutRecord:
    """A letter's copy."""
    value, headers = letter.value, letter.headers
    if sum(len(name) + len(content) for name, content in headers) > COPY_BYTES:
        headers = ()
    said = {
        "id": f"{letter.topic}:{letter.partition}:{letter.offset}",
        "consumer": letter.consumer,
        "reason": letter.reason,
        "detail": letter.detail[:DETAIL],
    }
    if value is not None and len(value) > COPY_BYTES:
        said["cut_from"] = str(len(value))
        value = value[:COPY_BYTES]
    ours = tuple((f"dead_{name}", content.encode()) for name, content in said.items())
    key = None if letter.key is None else letter.key[:COPY_BYTES]
    return OutRecord(key=key, value=value, headers=(*ours, *headers), partition=None)
