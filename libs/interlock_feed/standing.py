"""What a compacted topic boils down to: the last record of each key, right or not.

Rule: the owner compares this with the rows that it knows to be true, never a reader's table: readers pass
over a replaced writer's records, compaction keeps them and drops the good ones. A key whose last record is
not the newest by stamp counts as wrong even when its payload is right, because readers that saw both hold
the other one. Pure; used on a take-over and by the guard.
"""

from collections.abc import Iterable, Mapping

from interlock_domain.rows import COMMIT_KEY
from interlock_feed.staging import Stamp, StampedRow


class Standing:
    """Records in the order of the topic, folded by key."""

    def __init__(self) -> None:
        self._last: dict[str, StampedRow] = {}
        self._highest: dict[str, Stamp] = {}

    def take(self, row: StampedRow) -> None:
        """The next record of the topic."""
        self._last[row.key] = row
        self._highest[row.key] = max(row.stamp, self._highest.get(row.key, row.stamp))

    def differing(self, rows: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """What has to be published to make the topic say `rows`; None for a key that should be gone."""
        keys: Iterable[str] = {*self._last, *rows} - {COMMIT_KEY}
        return {key: rows.get(key) for key in sorted(keys) if not self._says(key, rows.get(key))}

    def _says(self, key: str, payload: bytes | None) -> bool:
        last = self._last.get(key)
        if last is None:
            return payload is None
        return last.payload == payload and last.stamp == self._highest[key]
