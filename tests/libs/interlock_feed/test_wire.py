"""Rows and commits as records: there and back, and nothing that a broken record can do."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.rows import CommitRow
from interlock_feed.staging import Stamp, StampedRow
from interlock_feed.wire import LARGEST_VALUE, RowTooLarge, Unreadable, decode, encode
from tests.libs.interlock_feed.adapters.feeding import closing

STAMPED = (("generation", b"1"), ("epoch", b"2"), ("position", b"7"))


@given(st.dictionaries(st.text(min_size=1).filter(lambda k: k != "_commit"), st.none() | st.binary()))
def test_rows_and_then_their_commit_come_back(rows: dict[str, bytes | None]) -> None:
    commit = closing({}, 7, epoch=2)
    found = [decode(r.key, r.value, r.headers) for r in encode(commit, rows)]
    stamp = Stamp(1, 2, 7)
    assert found == [*(StampedRow(key=k, payload=v, stamp=stamp) for k, v in rows.items()), commit]


def test_a_large_row_is_small_on_the_wire_and_the_same_afterwards() -> None:
    catalog = b'{"id":"provider/model"}' * 100_000
    record, _ = encode(closing({}, 1), {"catalog": catalog})
    assert record.value is not None
    assert len(record.value) < len(catalog) / 50
    found = decode(record.key, record.value, record.headers)
    assert isinstance(found, StampedRow)
    assert found.payload == catalog


def test_given_a_row_that_no_broker_takes_then_it_is_refused_in_a_sentence() -> None:
    noise = random.Random(1).randbytes(LARGEST_VALUE + 10_000)
    with pytest.raises(RowTooLarge, match=r"row catalog has 910 KiB compressed .* second cell"):
        encode(closing({}, 1), {"catalog": noise})


@given(
    st.none() | st.binary(),
    st.none() | st.binary(),
    st.lists(st.tuples(st.sampled_from(("generation", "epoch", "position", "encoding", "x")), st.binary())),
)
def test_any_bytes_are_read_or_passed_over(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    assert isinstance(decode(key, value, headers), StampedRow | CommitRow | Unreadable)


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (None, b"1", STAMPED),
        (b"\xff", b"1", STAMPED),
        (b"a", b"1", ()),
        (b"a", b"1", (*STAMPED[:2], ("position", b"seven"))),
        (b"a", b"1", (*STAMPED[:2], ("position", b"\xff"))),
        (b"a", b"1", (*STAMPED, ("encoding", b"brotli"))),
        (b"a", b"1", (*STAMPED, ("encoding", b"deflate"))),
        (b"a", zlib.compress(b"1" * 100)[:-3], (*STAMPED, ("encoding", b"deflate"))),
        (b"_commit", None, STAMPED),
        (b"_commit", b"{}", STAMPED),
        (b"_commit", b"[" * 100_000, STAMPED),
    ],
)
def test_a_record_that_is_none_of_ours_is_passed_over(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    assert isinstance(decode(key, value, headers), Unreadable)


def test_given_a_record_that_unpacks_without_end_then_it_is_passed_over() -> None:
    bomb = zlib.compress(b"0" * (65 * 1024 * 1024))
    assert decode(b"a", bomb, (*STAMPED, ("encoding", b"deflate"))) == Unreadable(
        "row a: it is cut short, or too large to unpack"
    )
