"""Places to read the events topic from: a few readers, each kept where it stood.

Rule: who reads on where a page ended gets the reader that stands there, and no seek; a read elsewhere takes
another reader, so a follower is not thrown back by somebody who looks something up. One reader for all was
dropped: each change of place throws away what the client had fetched ahead, four megabytes at a time.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from interlock_runtime.kafka.reader import GoneOffset, Record, TopicReader, Unreachable

KEPT: Final = 3
"""Idle readers that stay connected: a follower, a page of history, and one to spare."""

ANSWER_S: Final = 5.0
"""For records that are known to be there."""


class Cursors:
    """Readers of one topic, lent one at a time."""

    def __init__(self, opened: Callable[[], TopicReader]) -> None:
        self._opened = opened
        self._idle: list[TopicReader] = []  # the last used at the end
        self._closed = False

    async def records(self, start: int, end: int, limit: int) -> list[Record]:
        """What lies in [start, end), at most `limit`; begins where the topic begins now."""
        found: list[Record] = []
        async with self._at(start) as reader:
            while len(found) < limit and reader.position() < end:
                before = reader.position()
                try:
                    page = await reader.fetch(min(limit - len(found), end - before), ANSWER_S)
                except GoneOffset:
                    begin = await reader.begin()
                    if begin <= before:  # the topic is shorter than it was said to be: nothing there
                        break
                    reader.seek(begin)
                    continue
                if not page and reader.position() == before:
                    raise Unreachable(
                        "Kafka does not give the records that it has: check that its brokers run."
                    )
                found.extend(page)
        return [record for record in found if record.offset < end]

    async def close(self) -> None:
        """Let go of the brokers."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()

    @asynccontextmanager
    async def _at(self, offset: int) -> AsyncIterator[TopicReader]:
        reader = self._standing_at(offset)
        if reader.position() != offset:
            reader.seek(offset)
        try:
            yield reader
        except BaseException:
            await reader.close()
            raise
        self._idle.append(reader)
        if len(self._idle) > KEPT or self._closed:
            await self._idle.pop(0).close()

    def _standing_at(self, offset: int) -> TopicReader:
        for n, reader in enumerate(self._idle):
            if reader.position() == offset:
                return self._idle.pop(n)
        return self._idle.pop(0) if len(self._idle) >= KEPT else self._opened()
