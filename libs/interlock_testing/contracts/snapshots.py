"""What every keeper of a last known good table must do."""

from contextlib import AbstractContextManager

from interlock_feed.feed import LastKnownGood, SnapshotStore
from interlock_testing.contracts.samples import commit_row


class SnapshotStoreContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self) -> AbstractContextManager[SnapshotStore]:
        """An empty store."""
        raise NotImplementedError

    def test_an_empty_store_has_no_table(self) -> None:
        with self.opened() as store:
            assert store.load() is None

    def test_what_was_saved_last_is_loaded(self) -> None:
        with self.opened() as store:
            store.save(commit_row(1), {"a": b"1"}, 1000)
            store.save(commit_row(2), {"b": b"\x00\xff", "catalog": b"{}"}, 2000)
            expected = LastKnownGood(
                commit=commit_row(2), rows={"b": b"\x00\xff", "catalog": b"{}"}, written_wall_ms=2000
            )
            assert store.load() == expected
            assert store.load() == expected
