"""The owner's watch over its own topic: what others left there, and what a replaced writer still writes.

Rule: only an owner uses this. On a take-over `left_over` reads the topic to its end and says what has to be
published to make it say the owner's rows. From there on `run` tails it: a row of an older generation or epoch
that is not the owner's is reported, and the owner publishes its own again, in its order, with its next
commit. The guard never sends: a second sender could put an older row behind a newer one, which is the very
thing that it is there to heal. A record of a newer epoch ends it: then this process is the one that was
replaced.

Dropped: leaving it to the digest, because by then compaction has thrown the good row away for every reader
that comes later, and nobody publishes a row that did not change.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from interlock_domain.rows import CommitRow
from interlock_feed.adapters.kafka_rows import POLL_S, RETRY_S, ROWS_A_FETCH, read
from interlock_feed.staging import StampedRow, stamp_of
from interlock_feed.standing import Standing
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.reader import GoneOffset, Record, TopicReader

_log = logging.getLogger(__name__)

MOST_WAITS: Final = 30
"""Half a minute in which a broker that said where its topic ends gives no record before it."""


class StateGuard:
    """Watches for the owner of one (generation, epoch).

    `rows` gives its present table: every row that is durable, published or about to be. `again` is told which
    of them to publish again (None: remove the key); it must not block.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        *,
        generation: int,
        epoch: int,
        rows: Callable[[], Mapping[str, bytes]],
        again: Callable[[Mapping[str, bytes | None]], None],
    ) -> None:
        self._connection = connection
        self._topic = topics.state
        self._owner = (generation, epoch)
        self._rows = rows
        self._again = again
        self._next: int | None = None
        self._replaced = False
        self.repaired = 0
        """Rows reported since the start, for metrics."""

    async def left_over(self) -> dict[str, bytes | None]:
        """What to publish so that the topic says the owner's rows. Raises Unreachable."""
        reader = TopicReader(self._connection, self._topic)
        try:
            return await self._read_whole(reader)
        finally:
            await reader.close()

    async def run(self) -> None:
        """Watch until a newer owner shows; goes on through every outage of the broker."""
        told = ""
        while True:
            reader = TopicReader(self._connection, self._topic)
            try:
                await self._watch(reader)
                return
            except Unreachable as failure:
                if isinstance(failure, GoneOffset):
                    self._next = None
                if str(failure) != told:
                    _log.warning("the state feed is not guarded (%s)", failure)
                told = str(failure)
            finally:
                with suppress(Unreachable):
                    await reader.close()
            await asyncio.sleep(RETRY_S * random.uniform(0.8, 1.2))

    async def _watch(self, reader: TopicReader) -> None:
        if self._next is None:
            self._report(await self._read_whole(reader))
        reader.seek(self._next or 0)
        while not self._replaced:
            found = self._noted(await reader.fetch(ROWS_A_FETCH, POLL_S))
            self._next = reader.position()
            self._report(self._wrong(found))
        _log.warning("a newer owner writes the state feed: this one has been replaced")

    async def _read_whole(self, reader: TopicReader) -> dict[str, bytes | None]:
        standing = Standing()
        await reader.start()
        end = await reader.end()
        reader.seek(await reader.begin())
        waits = 0
        while reader.position() < end:
            records = await reader.fetch(ROWS_A_FETCH, POLL_S)
            for row in self._noted(records):
                standing.take(row)
            waits = 0 if records else waits + 1
            if waits > MOST_WAITS:
                raise Unreachable(f"the state feed {self._topic} gives no records: check its brokers.")
        self._next = reader.position()
        return standing.differing(self._rows())

    def _noted(self, records: Sequence[Record]) -> list[StampedRow]:
        """The rows among the records; whether a newer owner wrote any of them is noted."""
        found = [one for one in map(read, records) if one is not None]
        self._replaced = self._replaced or any(_writer(one) > self._owner for one in found)
        return [one for one in found if isinstance(one, StampedRow)]

    def _wrong(self, found: Sequence[StampedRow]) -> dict[str, bytes | None]:
        older = [row for row in found if _writer(row) < self._owner]
        if not older:
            return {}
        rows = self._rows()
        return {row.key: rows.get(row.key) for row in older if rows.get(row.key) != row.payload}

    def _report(self, wrong: Mapping[str, bytes | None]) -> None:
        if self._replaced or not wrong:
            return
        self.repaired += len(wrong)
        _log.warning(
            "%d rows of the state feed were overwritten by a replaced owner: publishing them again",
            len(wrong),
        )
        self._again(wrong)


def _writer(found: StampedRow | CommitRow) -> tuple[int, int]:
    stamp = stamp_of(found) if isinstance(found, CommitRow) else found.stamp
    return stamp.generation, stamp.epoch
