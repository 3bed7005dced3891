"""The keeping port: how a consumer beside the projector puts dead letters away, and has them told.

Rule: a letter is kept once for each (consumer, topic, partition, offset), however often it comes; it is told
(copied to the dead letter topic) at least once and then marked. The projector keeps its own letters with its
view commits, because they must not part from the position; nobody else has a position to keep them with.
"""

from collections.abc import Sequence
from typing import Protocol

from interlock_eventlog.dead_letters import DeadLetter
from interlock_eventlog.letters import KeptLetter


class LetterKeeper(Protocol):
    """Letters of a family of consumers."""

    async def keep(self, consumer: str, letters: Sequence[DeadLetter]) -> None:
        """Put them away; those that are known already stay as they are."""
        ...

    async def untold(self, limit: int) -> list[KeptLetter]:
        """The first ones of the family that nobody was told of, by id."""
        ...

    async def told(self, ids: Sequence[int]) -> None:
        """Note that they were."""
        ...
