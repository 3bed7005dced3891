"""Commits with right digests, and a reader's table, for tests of one adapter's own oddities."""

from interlock_domain.digest import table_digest
from interlock_domain.rows import CommitRow
from interlock_feed.feed import FeedUpdate


def closing(rows: dict[str, bytes], position: int, *, epoch: int = 1, generation: int = 1) -> CommitRow:
    """The commit of a table."""
    return CommitRow(
        generation=generation,
        epoch=epoch,
        position=position,
        log_ms=position * 1000,
        digest=table_digest(rows),
    )


def table(update: FeedUpdate) -> dict[str, bytes]:
    """The rows of a whole update."""
    assert update.whole
    return {key: row for key, row in update.rows.items() if row is not None}
