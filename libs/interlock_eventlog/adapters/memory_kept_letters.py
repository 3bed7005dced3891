"""Dead letters of the reactors in memory: the model of the keeping port."""

from collections.abc import Sequence

from interlock_eventlog.dead_letters import DeadLetter
from interlock_eventlog.letters import KeptLetter


class MemoryLetterKeeper:
    """LetterKeeper over a dictionary; `kept` is everything, by its place."""

    def __init__(self, family: str) -> None:
        self._family = family
        self._told: set[int] = set()
        self.kept: dict[tuple[str, str, int, int], KeptLetter] = {}

    async def keep(self, consumer: str, letters: Sequence[DeadLetter]) -> None:
        """See LetterKeeper."""
        for one in letters:
            kept = KeptLetter(
                id=len(self.kept) + 1,
                consumer=consumer,
                topic=one.topic,
                partition=one.partition,
                offset=one.offset,
                recorded_ms=one.recorded_ms,
                reason=str(one.reason),
                detail=one.detail,
                key=one.key,
                headers=one.headers,
                value=one.value,
            )
            self.kept.setdefault((consumer, one.topic, one.partition, one.offset), kept)

    async def untold(self, limit: int) -> list[KeptLetter]:
        """See LetterKeeper."""
        mine = [one for one in self.kept.values() if one.consumer.startswith(self._family)]
        return [one for one in mine if one.id not in self._told][:limit]

    async def told(self, ids: Sequence[int]) -> None:
        """See LetterKeeper."""
        self._told.update(ids)
