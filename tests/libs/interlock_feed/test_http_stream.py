"""The feed as server-sent events: the same updates wherever a network cuts them, or a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.rows import CLUSTER_KEY
from interlock_feed import http_stream
from interlock_feed.feed import FeedUpdate
from interlock_feed.http_stream import ALIVE, BadStream, StreamReader, encoded
from tests.libs.interlock_feed.adapters.feeding import closing

payloads = st.text(min_size=1, max_size=20).map(str.encode)
keys = st.text(min_size=1, max_size=10).filter(lambda key: key != CLUSTER_KEY)
rows = st.dictionaries(keys, st.none() | payloads, max_size=5)


@st.composite
def updates(draw: st.DrawFn) -> FeedUpdate:
    found = draw(rows)
    held = {key: row for key, row in found.items() if row is not None}
    return FeedUpdate(
        commit=closing(held, draw(st.integers(1, 10**9))), rows={**found}, whole=draw(st.booleans())
    )


@given(st.lists(updates(), max_size=4), st.lists(st.integers(1, 200), max_size=20))
def test_what_is_read_is_what_was_told_wherever_the_pieces_end(told, cuts):
    stream = b"retry: 1000\n\n" + ALIVE.join(b"".join(encoded(one, cluster=True)) for one in told) + ALIVE
    reader, found, at = StreamReader(), list[FeedUpdate](), 0
    for size in [*cuts, len(stream)]:
        found += reader.feed(stream[at : at + size])
        at += size
    found += reader.feed(stream[at:])
    assert found == told


def test_the_cluster_key_is_left_out_for_those_who_may_not_have_it():
    update = FeedUpdate(commit=closing({"a": b"1"}, 1), rows={"a": b"1", CLUSTER_KEY: b"secret"}, whole=True)
    assert b"secret" not in b"".join(encoded(update, cluster=False))
    (read,) = StreamReader().feed(b"".join(encoded(update, cluster=False)))
    assert read.rows == {"a": b"1"}


def test_a_large_table_goes_out_in_pieces():
    table = {f"k{n}": b"x" * 1_000 for n in range(500)}
    pieces = list(encoded(FeedUpdate(commit=closing(table, 1), rows={**table}, whole=True), cluster=True))
    assert 5 < len(pieces) < 20
    (read,) = StreamReader().feed(b"".join(pieces))
    assert read.rows == table


@pytest.mark.parametrize(
    "event",
    [
        b"event: row\ndata: {}",
        b"event: row\ndata: not json",
        b'event: row\ndata: {"key":1}',
        b"event: _commit\ndata: {}",
        b"event: _commit\ndata: \xff",
        b"event: _commit",
    ],
)
def test_an_event_that_cannot_be_read_is_an_error(event):
    with pytest.raises(BadStream, match="cannot be read"):
        list(StreamReader().feed(event + b"\n\n"))


@pytest.mark.parametrize("event", [b"event: later\ndata: {}", b": alive", b"data: {}", b"retry: 1", b""])
def test_what_a_later_version_says_is_passed_over(event):
    assert list(StreamReader().feed(event + b"\n\n")) == []


def test_an_event_without_an_end_is_given_up():
    reader, piece = StreamReader(), b"x" * (http_stream.LARGEST_EVENT // 4)
    for _ in range(4):
        assert list(reader.feed(piece)) == []
    with pytest.raises(BadStream, match="does not end"):
        list(reader.feed(piece))
