"""Cursors name a record, and only our own are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_records.paging import BadCursor, cursor_of, place_of, snapshot_place
from interlock_testing.contracts.records import record


@given(st.integers(0, 10**6))
def test_a_cursor_names_its_record(n):
    assert place_of(cursor_of(record(n))) == (n * 1000, record(n).request_id)


@given(st.text())
def test_any_other_text_is_a_bad_cursor_or_a_place(text):
    try:
        place = place_of(text)
    except BadCursor:
        place = None
    assert place is None or (type(place[0]), type(place[1])) == (int, str)


def test_the_refusal_says_where_cursors_come_from():
    with pytest.raises(BadCursor, match="`next` of the previous page"):
        place_of("%")


@pytest.mark.parametrize(
    ("version", "place"),
    [
        ("g1:0", (1, 0)),
        ("g12:345", (12, 345)),
        ("", (0, 0)),
        ("g1", (0, 0)),
        ("g:1", (0, 0)),
        ("gx:y", (0, 0)),
    ],
)
def test_a_snapshot_version_has_a_place(version, place):
    assert snapshot_place(version) == place
