"""The record sink: request records from their topic into the database, once each.

Rule: one transaction for what was taken at once, and the acknowledgement after its commit; a record that
comes again is kept once, because it has an id. With the database away it waits, for Kafka keeps what comes.
When the database refuses a value, whose it is shows by going one batch at a time; that one is a dead letter.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from interlock_domain.attempt.record import RequestRecord
from interlock_eventlog.dead_letters import DeadLetter, DeadLetterReason
from interlock_reactors.keeping import Keeping
from interlock_reactors.reading import read_records
from interlock_reactors.taken import Taken, letter
from interlock_records.records import RecordSink
from interlock_runtime.trouble import Trouble

CONSUMER: Final = "reactors/requests"
MOST: Final = 50
"""Batches in one transaction: up to 3 MB, some 100 ms."""
AGAIN_S: Final = 1.0

_log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class Sink:
    """Takes batches; `away` are the failures of the database that are waited for."""

    def __init__(
        self,
        records: RecordSink,
        keeping: Keeping,
        *,
        away: tuple[type[Exception], ...],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._records = records
        self._keeping = keeping
        self._away = away
        self._sleep = sleep
        self._trouble = Trouble(_log, "keeping request records", monotonic=time.monotonic)
        self.kept = 0

    async def take(self, batches: Sequence[Taken]) -> None:
        """Keep what is in them; returns when all of it is kept or put away."""
        read = [(one, read_records(one)) for one in batches]
        await self._keeping.keep(CONSUMER, [found for _, found in read if isinstance(found, DeadLetter)])
        good = [(one, found) for one, found in read if not isinstance(found, DeadLetter)]
        if await self._put([record for _, found in good for record in found]) is None:
            return
        for one, found in good:
            why = await self._put(found)
            if why is not None:
                await self._keeping.keep(CONSUMER, [letter(one, DeadLetterReason.BAD_DATA, why)])

    async def give_up(self, batches: Sequence[Taken]) -> None:
        """A mistake of ours stands in their way."""
        await self._keeping.give_up(CONSUMER, batches)

    async def _put(self, records: Sequence[RequestRecord]) -> str | None:
        """None once they are kept; else why the database will never take them."""
        while True:
            try:
                await self._records.put(records)
            except self._away as error:
                self._trouble.is_on(error)
                await self._sleep(AGAIN_S)
            except Exception as error:  # noqa: BLE001  a value that the driver or the server refuses
                return f"{type(error).__name__}: the database does not take it"
            else:
                self._trouble.is_over()
                self.kept += len(records)
                return None
