"""Decoder: any cut, any bound, one result."""

import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_upstream.encoding import Decoder, decoder_of


def decode(pieces: list[bytes], limit: int, coding: bytes = b"gzip") -> tuple[bytes, Decoder]:
    decoder = Decoder(coding)
    out = []
    for piece in pieces:
        out.append(decoder.decode(piece, limit))
        while decoder.has_more:
            out.append(decoder.decode(b"", limit))
        assert all(len(each) <= limit for each in out)
    return b"".join(out), decoder


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    st.lists(st.integers(0, 2000), max_size=8),
    st.integers(1, 500),
)
def test_cuts_and_bounds_change_nothing(members: list[bytes], cuts: list[int], limit: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    edges = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    pieces = [packed[start:end] for start, end in itertools.pairwise(edges)]
    body, decoder = decode(pieces, limit)
    assert body == b"".join(members)
    assert not decoder.cut


def test_padding_is_ignored_and_rubbish_is_not() -> None:
    packed = gzip.compress(b"hello")
    assert decode([packed + b"\0\0\0", b"\0"], 100)[0] == b"hello"
    with pytest.raises(zlib.error):
        decode([packed + b"rubbish that is no member"], 100)


def test_an_end_inside_a_member_is_seen() -> None:
    packed = gzip.compress(b"hello" * 50)
    assert decode([packed[:-3]], 1000)[1].cut
    assert not decode([], 10)[1].cut


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@given(st.binary(min_size=1, max_size=2_000), st.integers(0, 400), st.integers(1, 500), st.booleans())
def test_deflate_is_read_in_both_of_its_forms(data: bytes, cut: int, limit: int, bared: bool) -> None:
    packed = bare(data) if bared else zlib.compress(data)
    assert decode([packed[:cut], packed[cut:]], limit, b"deflate")[0] == data


@pytest.mark.parametrize("coding", [b"", b"identity", b" Identity "])
def test_what_is_plain_needs_no_decoder(coding: bytes) -> None:
    assert decoder_of(coding) is None


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, br", b"\xff"])
def test_what_cannot_be_undone_is_an_error_and_not_an_answer(coding: bytes) -> None:
    decoder = decoder_of(coding)
    assert decoder is not None
    with pytest.raises(zlib.error):
        decoder.decode(b"x", 10)
