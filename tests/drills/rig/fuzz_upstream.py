"""Fuzz targets of interlock_upstream: the parser of responses, and the decoding of bodies.

The parser is fed as a socket would feed it, and driven as a connection drives it: until it is done, has
failed, or the peer has ended. Promises: it ends in one of these; it holds no more than its bounds; how the
bytes were cut changes nothing.
"""

import gzip
import zlib
from collections.abc import Hashable, Iterable
from typing import Final

from interlock_upstream.encoding import decoder_of
from interlock_upstream.errors import FailureKind
from interlock_upstream.limits import Limits
from interlock_upstream.parser import ResponseParser
from tests.drills.rig.fuzz_input import Target, control, cut, demand, with_control
from tests.drills.rig.fuzz_words import HTTP_WORDS

LIMITS: Final = Limits(max_header_bytes=512)
"""Small, so that short inputs reach it."""
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
RESPONSES: Final = (
    HEAD + b"content-length: 2\r\n\r\n{}",
    HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nx-trailer: 1\r\n\r\n",
    HEAD + b"\r\n{}",
    b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"content-length: 0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + HEAD + b"content-length: 2\r\n\r\n{}",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 503 Busy\r\nretry-after: 5\r\nconnection: close\r\n\r\nbusy",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    HEAD + b"content-length: 2\r\n\r\n{}" + HEAD + b"content-length: 2\r\n\r\n{}",
)


def _parsed(pieces: list[bytes], *, bodyless: bool) -> tuple[object, ...]:
    """Everything a connection would look at, after the peer has ended."""
    parser = ResponseParser(LIMITS)
    parser.begin(bodyless=bodyless)
    body = b""
    for piece in pieces:
        before = parser.buffered
        parser.feed(piece)
        # A body costs what it weighs; the rest is bounded by the limit on heads and framing.
        demand(parser.buffered - before <= 42 * len(piece) + 42, "what is buffered has been received")
        head = sum(len(name) + len(value) for name, value in parser.headers)
        demand(head <= LIMITS.max_header_bytes + len(piece), "a head is bounded")
        body += b"".join(parser._pieces)
        parser._pieces.clear()
        parser.buffered = 0
        if parser.failure is not None or parser.poisoned:
            break
    parser.end()
    demand(parser.done or parser.failure is not None, "a response is done or has failed")
    demand(not parser.done or 200 <= parser.status <= 999, "a response that is done has a status")
    kind = parser.failure[0] if parser.failure is not None else None
    demand(kind is None or isinstance(kind, FailureKind), "a failure has a kind")
    return parser.done, parser.status, tuple(parser.headers), body, kind, parser.poisoned


def _responses(data: bytes) -> Hashable:
    number, rest = control(data)
    bodyless = number & 0x8000 != 0
    whole = _parsed([rest], bodyless=bodyless)
    pieces = _parsed(cut(number & 0x7FFF, rest), bodyless=bodyless)
    if whole[0] and pieces[0]:  # a limit or a second response may be met earlier or later in a larger piece
        demand(whole[:4] == pieces[:4], "how a response is cut changes nothing")
    return whole[0], whole[4], whole[5]


def _response_seeds() -> Iterable[bytes]:
    return [with_control(n, each) for each in RESPONSES for n in (0, 1, 0x8000, 7)]


LIMIT: Final = 4096


def _decoded(pieces: list[bytes], coding: bytes) -> tuple[bytes, bool, bool]:
    decoder = decoder_of(coding)
    if decoder is None:
        return b"".join(pieces), False, False
    out: list[bytes] = []
    try:
        for piece in pieces:
            out.append(decoder.decode(piece, LIMIT))
            while decoder.has_more and len(out) < 2_000:
                demand(len(out[-1]) <= LIMIT, "output is bounded before it is made")
                out.append(decoder.decode(b"", LIMIT))
    except zlib.error:
        return b"".join(out), True, False
    return b"".join(out), False, decoder.cut


def _bodies(data: bytes) -> Hashable:
    number, rest = control(data)
    coding = (b"gzip", b"deflate", b"x-gzip", b"br", b"identity", b"")[number % 6]
    whole = _decoded([rest], coding)
    pieces = _decoded(cut(number, rest), coding)
    short = len(whole[0]) < 1_000 * LIMIT
    demand(not short or whole[1] == pieces[1], "how a body is cut does not break it")
    demand(not short or whole[1] or whole == pieces, "how a body is cut changes nothing")
    return coding, whole[1], whole[2], min(len(whole[0]).bit_length(), 20)


def _body_seeds() -> Iterable[bytes]:
    texts = (b"", b"{}", b"hello " * 50, bytes(100_000))
    raw = zlib.compressobj(wbits=-15)
    packed = [gzip.compress(text) for text in texts] + [zlib.compress(text) for text in texts]
    packed += [packed[1] + packed[2], packed[1] + b"\0\0" + packed[2], raw.compress(texts[2]) + raw.flush()]
    return [with_control(n, each) for each in packed for n in (0, 1, 6, 7, 13)]


TARGETS: Final = (
    Target(name="responses of an upstream", run=_responses, seeds=_response_seeds, words=HTTP_WORDS),
    Target(
        name="encoded bodies", run=_bodies, seeds=_body_seeds, words=(b"\x1f\x8b\x08", b"\x78\x9c", b"\0\0")
    ),
)
