"""What compaction leaves, against what the owner knows."""

from interlock_feed.staging import Stamp, StampedRow
from interlock_feed.standing import Standing


def standing(*rows: tuple[str, bytes | None, int, int]) -> Standing:
    """(key, payload, epoch, position) in the order of the topic."""
    found = Standing()
    for key, payload, epoch, position in rows:
        found.take(StampedRow(key=key, payload=payload, stamp=Stamp(1, epoch, position)))
    return found


def test_given_the_same_rows_then_nothing_differs() -> None:
    assert standing(("a", b"1", 1, 1), ("b", None, 1, 2)).differing({"a": b"1"}) == {}


def test_what_is_missing_is_published_and_what_the_owner_lacks_is_removed() -> None:
    found = standing(("a", b"1", 1, 1), ("gone", b"1", 1, 1)).differing({"a": b"1", "new": b"2"})
    assert found == {"gone": None, "new": b"2"}


def test_the_last_record_counts_whatever_its_stamp() -> None:
    assert standing(("a", b"new", 2, 5), ("a", b"zombie", 1, 9)).differing({"a": b"new"}) == {"a": b"new"}


def test_given_a_late_record_that_is_right_by_chance_then_the_key_is_published_again() -> None:
    found = standing(("a", b"1", 1, 1), ("a", b"2", 2, 5), ("a", b"1", 1, 3)).differing({"a": b"1"})
    assert found == {"a": b"1"}
