"""Putting dead letters away, however long the database takes.

Rule: a record is passed over only after its letter is kept; so this returns when it is, and counts.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from interlock_eventlog.dead_letters import DeadLetter, DeadLetterReason
from interlock_eventlog.letter_keeping import LetterKeeper
from interlock_reactors.taken import Taken, letter
from interlock_runtime.trouble import Trouble

FAMILY: Final = "reactors/"
"""What the names of the consumers start with: their letters are told by the reactors themselves."""
AGAIN_S: Final = 1.0

_log = logging.getLogger(__name__)


class Keeping:
    """The letters of this process; `letters` counts them by consumer and reason."""

    def __init__(
        self,
        keeper: LetterKeeper,
        *,
        away: tuple[type[Exception], ...],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._keeper = keeper
        self._away = away
        self._sleep = sleep
        self._trouble = Trouble(_log, "keeping dead letters", monotonic=time.monotonic)
        self.letters: Counter[tuple[str, str]] = Counter()

    async def keep(self, consumer: str, letters: Sequence[DeadLetter]) -> None:
        """Returns once they are kept."""
        while letters:
            try:
                await self._keeper.keep(consumer, letters)
            except self._away as error:
                self._trouble.is_on(error)
                await self._sleep(AGAIN_S)
                continue
            self._trouble.is_over()
            for one in letters:
                self.letters[consumer, one.reason.value] += 1
                _log.warning(
                    "%s passed over %s/%d/%d: %s", consumer, one.topic, one.partition, one.offset, one.reason
                )
            return

    async def give_up(self, consumer: str, records: Sequence[Taken]) -> None:
        """What a mistake of ours stands in the way of."""
        why = "a mistake of ours: see the trace in the log"
        await self.keep(consumer, [letter(one, DeadLetterReason.BAD_DATA, why) for one in records])
