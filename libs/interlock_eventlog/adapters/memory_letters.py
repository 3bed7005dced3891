"""Dead letters in memory: the model of the port."""

from collections.abc import Sequence

from msgspec import structs

from interlock_eventlog.letters import KeptLetter, LetterState, Settling


class MemoryLetters:
    """Letters over a list; `keep` is for tests, as the projector's commit is for a table."""

    def __init__(self) -> None:
        self._kept: dict[int, KeptLetter] = {}

    def keep(self, letter: KeptLetter) -> int:
        """Keep one; its id."""
        number = max(self._kept, default=0) + 1
        self._kept[number] = structs.replace(letter, id=number)
        return number

    async def page(
        self, *, state: LetterState | None = None, after: int = 0, limit: int = 100
    ) -> Sequence[KeptLetter]:
        """See Letters."""
        found = [one for n, one in self._kept.items() if n > after and state in {None, one.state}]
        return found[:limit]

    async def get(self, id: int) -> KeptLetter | None:
        """See Letters."""
        return self._kept.get(id)

    async def settle(self, id: int, settling: Settling) -> bool:
        """See Letters."""
        known = self._kept.get(id)
        if known is None or known.state is not LetterState.WAITING:
            return False
        self._kept[id] = structs.replace(
            known,
            state=settling.state,
            changed_by=settling.by,
            changed_because=settling.because,
            copy=settling.copy,
        )
        return True

    async def prune(self, before_ms: int) -> int:
        """See Letters."""
        old = [n for n, one in self._kept.items() if one.recorded_ms < before_ms]
        for n in old:
            del self._kept[n]
        return len(old)
