"""The state feed on a compacted Kafka topic of one partition.

Rule: a publish is one send, rows first and then their commit, so the topic's order is the order of truth; a
reader believes a commit only when its digest is that of the rows it holds. A reader belongs to no group: it
takes the end of the topic first, reads from the beginning until its position is there, and goes on from
there, so there is no gap. Positions are compared and never offsets of records, because compaction leaves
holes at the end too. What the caller missed while it was busy is read before it is told, in one piece.
With the broker away, or the place in the topic gone, it says so once, and reads the whole anew.

Dropped: a group (a rebalance is a pause, and its offsets say nothing about a table); a transaction around
each publish, because the commit record with its digest proves more than the client's transactions do.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Final

from interlock_domain.rows import CommitRow, version_text
from interlock_feed.adapters.kafka_rows import POLL_S, RETRY_S, ROWS_A_FETCH, out_records, read
from interlock_feed.feed import FeedUpdate
from interlock_feed.order import follows
from interlock_feed.staging import Staging
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.reader import TopicReader
from interlock_runtime.kafka.sender import SEND_S, KafkaSender

_log = logging.getLogger(__name__)

REPAIR_S: Final = 2.0
"""A wrong digest is most often half of a publish, or a replaced writer's record that the owner repairs at
once; commits come each second, so two of them have passed by then."""
SILENT_S: Final = 3.0
"""Three commits that did not come: then the broker is asked whether it is there, because a fetch does not say
so (the client goes on trying by itself)."""
LONGEST_REPAIR_S: Final = 30.0
"""Between two readings of the whole topic while nobody repairs it."""


class KafkaFeed:
    """FeedPublisher and FeedReader over the state topic. `close` lets go of what publishing opened."""

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        *,
        client_id: str = "interlock-feed",
        monotonic: Callable[[], float] = time.monotonic,
        repair_s: float = REPAIR_S,
        send_s: float = SEND_S,
    ) -> None:
        self._connection = connection
        self._topic = topics.state
        self._sender = KafkaSender(connection, client_id=client_id, timeout_s=send_s)
        self._monotonic = monotonic
        self._repair_s = repair_s
        self._published: CommitRow | None = None

    async def publish(self, commit: CommitRow, rows: Mapping[str, bytes | None]) -> None:
        """See FeedPublisher. Raises RowTooLarge before anything is sent, Unsent when it may not be there."""
        if not follows(commit, self._published):
            return
        await self._sender.send(self._topic, out_records(commit, rows))
        self._published = commit

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        """See FeedReader; goes on for ever, through every outage of the broker."""
        floor: CommitRow | None = None
        told = ""
        while True:
            reader = TopicReader(self._connection, self._topic)
            try:
                await reader.start()
                following = _Following(reader, floor, monotonic=self._monotonic, repair_s=self._repair_s)
                while True:
                    update = await following.next()
                    told, floor = "", update.commit
                    yield update
            except Unreachable as failure:
                if str(failure) != told:
                    _log.warning("the state feed is away (%s); what is held stays in force", failure)
                told = str(failure)
            finally:
                with suppress(Unreachable):
                    await reader.close()
            await asyncio.sleep(RETRY_S * random.uniform(0.8, 1.2))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._sender.close()


class _Following:
    """One reader's way through the topic, from its beginning."""

    def __init__(
        self,
        reader: TopicReader,
        floor: CommitRow | None,
        *,
        monotonic: Callable[[], float],
        repair_s: float,
    ) -> None:
        self._reader = reader
        self._monotonic = monotonic
        self._patience_s = self._repair_s = repair_s
        self._floor = floor
        self._staging: Staging | None = None
        self._wrong_since: float | None = None
        self._heard = monotonic()

    async def next(self) -> FeedUpdate:
        """Whatever is new, merged; waits until there is something."""
        staging = self._staging or await self._read_whole()
        await self._read_to(staging, await self._reader.end())
        while (update := staging.take()) is None:
            if self._is_overdue(staging):
                staging = await self._read_whole()
            elif self._monotonic() - self._heard >= SILENT_S:
                await self._read_to(staging, await self._reader.end())
                self._heard = self._monotonic()
            else:
                await self._read_some(staging, POLL_S)
        self._floor = update.commit
        return update

    async def _read_whole(self) -> Staging:
        reader = self._reader
        end = await reader.end()  # first: what is written meanwhile comes with the tail
        reader.seek(await reader.begin())
        self._staging = staging = Staging(self._floor)
        await self._read_to(staging, end)
        if staging.proved is not None and staging.proved == self._floor:
            staging.is_known()  # told again it would look fresh, while nobody publishes
        self._wrong_since = None
        return staging

    async def _read_to(self, staging: Staging, end: int) -> None:
        while self._reader.position() < end:
            await self._read_some(staging, POLL_S)

    async def _read_some(self, staging: Staging, timeout_s: float) -> None:
        records = await self._reader.fetch(ROWS_A_FETCH, timeout_s)
        now = self._monotonic()
        if records:
            self._heard = now
        for record in records:
            found = read(record)
            if isinstance(found, CommitRow):
                staging.commit(found, now)
            elif found is not None:
                staging.row(found, now)

    def _is_overdue(self, staging: Staging) -> bool:
        """Whether nobody repaired a wrong table in time; says so when that is the case."""
        wrong, now = staging.unproved, self._monotonic()
        if wrong is None:
            self._wrong_since, self._patience_s = None, self._repair_s
            return False
        if self._wrong_since is None:
            self._wrong_since = now
        if now - self._wrong_since < self._patience_s:
            return False
        _log.warning(
            "the rows of snapshot %s are not the ones that were promised: reading the state feed anew, and "
            "what is held stays in force; see whether the projector runs when this goes on",
            version_text(wrong.generation, wrong.position),
        )
        self._patience_s = min(self._patience_s * 2, LONGEST_REPAIR_S)
        return True
