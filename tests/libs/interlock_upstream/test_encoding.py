"""Gunzip: any cut, any bound, one result."""

import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_upstream.encoding import Gunzip


def decode(pieces: list[bytes], limit: int) -> tuple[bytes, Gunzip]:
    gunzip = Gunzip()
    out = []
    for piece in pieces:
        out.append(gunzip.decode(piece, limit))
        while gunzip.has_more:
            out.append(gunzip.decode(b"", limit))
        assert all(len(each) <= limit for each in out)
    return b"".join(out), gunzip


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    st.lists(st.integers(0, 2000), max_size=8),
    st.integers(1, 500),
)
def test_cuts_and_bounds_change_nothing(members: list[bytes], cuts: list[int], limit: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    edges = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    pieces = [packed[start:end] for start, end in itertools.pairwise(edges)]
    body, gunzip = decode(pieces, limit)
    assert body == b"".join(members)
    assert not gunzip.cut


def test_padding_is_ignored_and_rubbish_is_not() -> None:
    packed = gzip.compress(b"hello")
    assert decode([packed + b"\0\0\0", b"\0"], 100)[0] == b"hello"
    with pytest.raises(zlib.error):
        decode([packed + b"rubbish that is no member"], 100)


def test_an_end_inside_a_member_is_seen() -> None:
    packed = gzip.compress(b"hello" * 50)
    assert decode([packed[:-3]], 1000)[1].cut
    assert not decode([], 10)[1].cut
