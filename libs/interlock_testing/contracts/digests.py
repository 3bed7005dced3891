"""Right digests for the feed contract: its commits carry numbers, which no checking reader believes.

Rule: the adapter under test checks as it does in production; this stands between it and the suite, gives each
commit the digest of its table on the way in, and the suite's own number back on the way out. An adapter that
can be told not to check was dropped: sooner or later somebody tells it so outside of a test.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import cast

import msgspec

from interlock_domain.digest import table_digest
from interlock_domain.rows import CommitRow
from interlock_feed.feed import FeedPublisher, FeedReader, FeedUpdate
from interlock_feed.order import follows


class Digested:
    """FeedPublisher and FeedReader over the two ends under test."""

    def __init__(self, publisher: FeedPublisher, reader: FeedReader) -> None:
        self._publisher = publisher
        self._reader = reader
        self._rows: dict[str, bytes] = {}
        self._commit: CommitRow | None = None
        self._told: dict[str, str] = {}

    async def publish(self, commit: CommitRow, rows: Mapping[str, bytes | None]) -> None:
        """Publish with the digest of the table as it is then."""
        if follows(commit, self._commit):
            self._commit = commit
            merged = {**self._rows, **rows}
            self._rows = {key: row for key, row in merged.items() if row is not None}
        digest = table_digest(self._rows)
        right = msgspec.structs.replace(commit, digest=digest)
        self._told[version(right)] = commit.digest
        await self._publisher.publish(right, rows)

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        """The reader's updates with the digests that the suite gave."""
        async with aclosing(cast("AsyncGenerator[FeedUpdate, None]", self._reader.tail())) as updates:
            async for update in updates:
                told = msgspec.structs.replace(update.commit, digest=self._told[version(update.commit)])
                yield msgspec.structs.replace(update, commit=told)


def version(commit: CommitRow) -> str:
    """What names a commit in the suite."""
    return f"{commit.generation}/{commit.epoch}/{commit.position}"
