"""The end of the events topic, followed while somebody waits for more.

Rule: one long poll serves all who wait, and its records are kept for those who then read them: a fact goes
over the wire once and wakes its readers in one step. Nobody waits, nothing is fetched. A poll for each waiter
was dropped: each is a connection, and the records came twice, for the waiter and for the reader.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from interlock_runtime.kafka.reader import GoneOffset, Record, TopicReader, Unreachable
from interlock_runtime.wake import Wake

POLL_S: Final = 1.0
"""One look; then the tail sees whether anybody still waits."""

LINGER_S: Final = 2.0
"""It stays that long after the last one who waited: a follower comes back once it has folded a page."""

PAUSE_S: Final = 0.5
"""Between two tries to reach the brokers."""

PAGE: Final = 2_000
"""Records of one fetch; with a kilobyte each far below what the client fetches at once."""

KEPT: Final = 8_000
"""Records kept for readers: what a busy cell writes in a tenth of a second while its follower folds."""

KEPT_BYTES: Final = 8 * 1024 * 1024


class Tail:
    """The last records of a topic; `moved` is told the end of what it has seen."""

    def __init__(self, opened: Callable[[], TopicReader], moved: Callable[[int], None]) -> None:
        self._opened = opened
        self._moved = moved
        self._asked = Wake()
        self._task: asyncio.Task[None] | None = None
        self._from = 0
        self._until = 0.0
        self._position = 0
        self._records: list[Record] = []
        self._bytes = 0

    def follow(self, offset: int, timeout_s: float) -> None:
        """Look for records from this offset on, for that time."""
        self._from = offset
        self._until = max(self._until, asyncio.get_running_loop().time() + timeout_s + LINGER_S)
        if self._task is None:
            self._position = offset
            self._task = asyncio.create_task(self._run())
        elif self._task.done():
            self._task.result()  # it ends by a mistake of ours only: say it where somebody waits
        self._asked.ring()

    def slice(self, start: int, limit: int) -> list[Record]:
        """What it holds from this offset on; nothing when it does not reach back that far."""
        if not self._records or start < self._records[0].offset:
            return []
        first = start - self._records[0].offset
        return self._records[first : first + limit]

    @property
    def end(self) -> int:
        """The offset behind the last record that it holds."""
        return self._position if self._records else 0

    async def close(self) -> None:
        """Stop and let go of the brokers."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            reader = self._opened()
            try:
                await self._follow(reader)
            except Unreachable:  # whoever reads is told; here there is only waiting to be done
                await asyncio.sleep(PAUSE_S)
            finally:
                await reader.close()

    async def _follow(self, reader: TopicReader) -> None:
        self._jump(reader, self._position)
        while True:
            if asyncio.get_running_loop().time() > self._until:
                await self._asked.wait()
                if self._from > self._position:
                    self._jump(reader, self._from)
            try:
                records = await reader.fetch(PAGE, POLL_S)
            except GoneOffset:
                begin, end = await reader.begin(), await reader.end()
                self._jump(reader, max(begin, min(end, self._position)))
                continue
            self._keep(records)
            self._position = reader.position()
            if records:
                self._moved(self._position)

    def _jump(self, reader: TopicReader, offset: int) -> None:
        reader.seek(offset)
        self._records.clear()
        self._bytes = 0
        self._position = offset

    def _keep(self, records: list[Record]) -> None:
        for record in records:
            if self._records and record.offset != self._records[-1].offset + 1:
                self._records.clear()
                self._bytes = 0
            self._records.append(record)
            self._bytes += len(record.value or b"")
        while len(self._records) > KEPT or self._bytes > KEPT_BYTES:
            dropped, self._records = self._records[:PAGE], self._records[PAGE:]
            self._bytes -= sum(len(record.value or b"") for record in dropped)
