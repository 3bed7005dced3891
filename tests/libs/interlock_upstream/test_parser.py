"""A response is the same response however the network cuts it."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from interlock_upstream import Limits
from interlock_upstream.errors import FailureKind
from interlock_upstream.parser import ResponseParser

LIMITS = Limits(max_header_bytes=4096)
TOKEN = st.text("abcXYZ-", min_size=1, max_size=10).map(str.encode)
VALUE = st.text("abc ,;=\t\"'/é", max_size=20).map(lambda text: text.strip().encode("latin-1"))


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, int, list[tuple[bytes, bytes]], bytes]:
    """Wire bytes and what they mean: status, headers, body."""
    status = draw(st.sampled_from((200, 201, 400, 429, 500, 529)))
    names = draw(st.lists(TOKEN, max_size=4))
    headers = [(b"x-" + name, draw(VALUE)) for name in names]
    pieces = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    if draw(st.booleans()):
        headers.append((b"Transfer-Encoding", b"chunked"))
        trailer = draw(st.sampled_from((b"", b"X-Sum: 1\r\n")))
        chunks = [
            b"%x%b\r\n%b\r\n" % (len(piece), draw(st.sampled_from((b"", b";a=b"))), piece) for piece in pieces
        ]
        body = b"".join(chunks) + b"0\r\n" + trailer + b"\r\n"
    else:
        body = b"".join(pieces)
        headers.append((b"Content-Length", b"%d" % len(body)))
    interim = draw(
        st.sampled_from((b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n"))
    )
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    wire = interim + b"HTTP/1.1 %d Because\r\n%b\r\n%b" % (status, lines, body)
    return wire, status, [(name.lower(), value) for name, value in headers], b"".join(pieces)


def cut(data: bytes, borders: list[int]) -> list[bytes]:
    edges = [0, *sorted({border % len(data) for border in borders}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges) if start < end]


def received(parser: ResponseParser) -> bytes:
    return b"".join(parser._pieces)


@given(st.lists(responses(), min_size=1, max_size=3), st.lists(st.integers(0, 10_000), max_size=12))
def test_cuts_change_nothing(
    exchanges: list[tuple[bytes, int, list[tuple[bytes, bytes]], bytes]], borders: list[int]
) -> None:
    parser = ResponseParser(LIMITS)
    for wire, status, headers, body in exchanges:
        parser.begin(bodyless=False)
        assert parser.untouched
        for number, piece in enumerate(cut(wire, borders), start=1):
            assert not parser.done, f"complete before piece {number}"
            parser.feed(piece)
        assert parser.failure is None
        assert (parser.done, parser.keep_alive, parser.poisoned, parser.untouched) == (
            True,
            True,
            False,
            False,
        )
        assert (parser.status, parser.headers, received(parser)) == (status, headers, body)


@given(responses(), st.integers(1, 10_000))
def test_an_end_before_the_end_is_never_complete(
    response: tuple[bytes, int, list[tuple[bytes, bytes]], bytes], border: int
) -> None:
    wire = response[0]
    parser = ResponseParser(LIMITS)
    parser.feed(wire[: border % len(wire) or 1])
    parser.end()
    assert not parser.done
    assert parser.failure is not None
    assert parser.failure[0] in (FailureKind.CLOSED_EARLY, FailureKind.MALFORMED)


@given(responses(), st.binary(min_size=1, max_size=30), st.lists(st.integers(0, 10_000), max_size=6))
def test_bytes_beyond_the_end_never_change_the_response(
    response: tuple[bytes, int, list[tuple[bytes, bytes]], bytes], extra: bytes, borders: list[int]
) -> None:
    """They poison the connection; line breaks alone, which HTTP allows between messages, need not."""
    wire, status, headers, body = response
    parser = ResponseParser(LIMITS)
    for piece in cut(wire + extra, borders):
        parser.feed(piece)
    assert (parser.status, parser.headers, received(parser), parser.done) == (status, headers, body, True)
    assert parser.failure is None
    assert parser.poisoned or not extra.strip(b"\r\n")


@given(st.binary(max_size=300), st.lists(st.integers(0, 10_000), max_size=6))
def test_no_bytes_make_it_raise(data: bytes, borders: list[int]) -> None:
    parser = ResponseParser(LIMITS)
    for piece in cut(b"HTTP/1.1 200 OK\r\n" + data, borders):
        if parser.failure is None:
            parser.feed(piece)
    parser.end()
    assert parser.done or parser.failure is not None
