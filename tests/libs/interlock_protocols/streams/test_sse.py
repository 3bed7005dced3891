"""Events end where the standard says, whoever wrote them and however the transport cut them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.streams.sse import EventCutter, border_end, read_fields, split_events


@pytest.mark.parametrize(
    ("buffer", "end"),
    [
        (b"", 0),
        (b"data: a", 0),
        (b"data: a\n", 0),
        (b"data: a\n\n", 9),
        (b"data: a\n\ndata: b", 9),
        (b"data: a\n\ndata: b\n\n", 18),
        (b"data: a\r\n", 0),
        (b"data: a\r", 0),
        (b"data: a\r\n\r\n", 11),
        (b"data: a\r\r", 9),
        (b"data: a\r\rdata: b\r", 9),
        (b"data: a\n\r\n", 10),
        (b"data: a\r\n\n", 10),
        (b"data: a\r\r\nx", 10),
        (b"\n\n", 2),
        (b"\r\n", 0),
    ],
)
def test_an_event_ends_at_a_blank_line(buffer, end):
    assert border_end(buffer) == end


def test_events_keep_their_own_line_ends():
    whole = b"data: a\r\n\r\ndata: b\r\r: c\n\ndata: d\r\n\n"
    assert split_events(whole) == [b"data: a\r\n\r\n", b"data: b\r\r", b": c\n\n", b"data: d\r\n\n"]


@pytest.mark.parametrize(
    ("event", "name", "data", "silent"),
    [
        (b"data: {}\n\n", b"", b"{}", False),
        (b"data:{}\r\n\r\n", b"", b"{}", False),
        (b"data:  {}\n\n", b"", b" {}", False),
        (b"event: error\ndata: x\n\n", b"error", b"x", False),
        (b'data: {"a":\ndata: 1}\n\n', b"", b'{"a":\n1}', False),
        (b"data\n\n", b"", b"", False),
        (b": ping\n\n", b"", None, True),
        (b"\n\n", b"", None, True),
        (b"retry: 100\n\n", b"", None, False),
        (b"id: 7\ndata: x\n\n", b"", b"x", False),
        (b": ping\rdata: x\r\r", b"", b"x", False),
        (b"dataset: 1\n\n", b"", None, False),
    ],
)
def test_the_fields_of_an_event_are_read_as_the_standard_says(event, name, data, silent):
    fields = read_fields(event)
    assert (fields.name, fields.data, fields.silent) == (name, data, silent)


def test_a_chunk_of_whole_events_is_not_copied():
    chunk = b"data: a\n\ndata: b\n\n"
    assert EventCutter().cut(chunk) is chunk


pieces = st.lists(
    st.sampled_from([b"data: a", b"\n", b"\r", b"\r\n", b": c", b"event: x", b"data"]), max_size=30
)


def contents(events: list[bytes]) -> list[list[bytes]]:
    """What is left of events when line ends are forgotten: blank lines belong to no event."""
    return [lines for event in events if (lines := [line for line in event.splitlines() if line])]


@given(pieces.map(b"".join), st.lists(st.integers(0, 60), max_size=8))
def test_cuts_change_neither_the_bytes_nor_the_events(stream, cuts):
    cutter = EventCutter()
    edges = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    out = [cutter.cut(stream[a:b]) for a, b in pairwise(edges)]
    rest = cutter.take()
    assert b"".join(out) + rest == stream
    assert not cutter.rest
    in_one = EventCutter()
    whole = in_one.cut(stream)
    cut_events = [each for part in out for each in split_events(part)]
    assert contents([*cut_events, rest]) == contents([*split_events(whole), in_one.take()])
