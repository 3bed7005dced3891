"""What an upstream that never ends can make us hold: endless input of every kind, and the most that was held.

Measured by tracemalloc, so what a parser in C holds for itself is not in it; what is kept in Python is, and
that is where everything that grows would be. Each bound is the stated one with the room that growing buffers
take (an eighth) and the copy of what goes out.
"""

import itertools
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec import Struct

from interlock_protocols.streams.scanner import MAX_EVENT
from interlock_upstream.encoding import decoder_of
from interlock_upstream.limits import Limits
from interlock_upstream.parser import ResponseParser
from tests.reference.differential import SIDES

MIB: Final = 1024 * 1024
FED: Final = 24 * MIB
"""More than the largest bound. What waits for nothing gets a sixteenth: tracing is slow, and what grows with
each event would be over its bound by then."""
PIECE: Final = 64 * 1024
READ: Final = 256 * 1024
"""One socket read."""


class Held(Struct, frozen=True):
    """The most that was held while so much was fed, in MiB, and the bound."""

    what: str
    fed: float
    most: float
    bound: float

    @property
    def within(self) -> bool:
        """Whether the bound held."""
        return self.most <= self.bound


def bounds(*, fed: int = FED) -> Iterator[Held]:
    """Every endless input, one after another."""
    for api in SIDES:
        for what, opening, unit in _endless(api):
            waits = what.endswith("without end")
            limit = MAX_EVENT * 9 / 8 + 2 * MIB if waits else 4 * MIB
            much = fed if waits else fed // 16
            pieces = _repeated(opening, unit, much)
            yield _measured(f"{api}: {what}", SIDES[api].scanner().feed, pieces, much, limit)
    for what, opening, unit in RESPONSES:
        pieces = _repeated(opening, unit, fed // 8)
        yield _measured(f"upstream: {what}", _parsing(), pieces, fed // 8, 2 * MIB)
    for coding, bits in ((b"gzip", 31), (b"deflate", 15)):
        yield _measured(f"upstream: {coding.decode()} bomb", _decoding(coding), _bomb(bits), MIB, 4 * MIB)


def _repeated(opening: bytes, unit: bytes, fed: int) -> Iterator[bytes]:
    piece = unit * (min(PIECE, fed // 4) // len(unit) or 1)
    return itertools.chain([opening] if opening else [], itertools.repeat(piece))


CHUNK: Final = b'data: {"choices":[{"index":%d,"text":"x","delta":{"content":"x"}}]}\n\n'
CONTENT: Final = {
    "chat": CHUNK % 0,
    "completions": CHUNK % 0,
    "messages": b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta",'
    b'"delta":{"type":"text_delta","text":"x"}}\n\n',
    "responses": b'event: a.delta\ndata: {"type":"a.delta","delta":"x"}\n\n',
}


def _endless(api: str) -> Iterable[tuple[str, bytes, bytes]]:
    """What has no end: a name, bytes to begin with, bytes to repeat."""
    content = CONTENT[api]
    yield "an event without end", b"", b"data: x"
    yield "after content, an event without end", content, b'data: {"a":"'
    yield "lines without end", b"", b"data: x\n"
    yield "comments", b"", b": c\n\n"
    yield "blank lines", b"", b"\r\n"
    yield "dropped events", b"", b"id: 7\n\n"
    yield "after content, dropped events", content, b"data:\n\n"
    yield "pings", b"", b'event: ping\ndata: {"type": "ping"}\n\n'
    yield "empty objects", b"", b"data: {}\n\n"
    yield "choices", b"", b"".join(CHUNK % n for n in range(2_000))
    yield "content", content, content[content.rfind(b"\n\n", 0, -2) + 2 :].lstrip()


_CHUNKED: Final = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
RESPONSES: Final = (
    ("a status line without end", b"HTTP/1.1 200 ", b"O"),
    ("headers without end", b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"),
    ("a header without end", b"HTTP/1.1 200 OK\r\nx: ", b"1"),
    ("interim responses", b"", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
    ("a chunk's extension", _CHUNKED + b"1;", b"a=b;"),
    ("trailers", _CHUNKED + b"0\r\n", b"x-more: 1\r\n"),
    ("chunks of a byte", _CHUNKED, b"1\r\nx\r\n"),
    ("a body without length", b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
)


def _parsing() -> Callable[[bytes], object]:
    """As a connection does: what is buffered is taken, and a failure ends it."""
    parser = ResponseParser(Limits())

    def feed(piece: bytes) -> None:
        if parser.failure is None and not parser.poisoned:
            parser.feed(piece)
            parser._pieces.clear()
            parser.buffered = 0

    return feed


def _decoding(coding: bytes) -> Callable[[bytes], object]:
    decoder = decoder_of(coding)
    assert decoder is not None

    def feed(piece: bytes) -> None:
        decoder.decode(piece, READ)
        while decoder.has_more:
            decoder.decode(b"", READ)

    return feed


def _bomb(bits: int) -> Iterator[bytes]:
    """What inflates to a thousand times its size, a hundred MiB of it."""
    packer = zlib.compressobj(9, wbits=bits)
    for _ in range(100):
        yield packer.compress(bytes(MIB)) + packer.flush(zlib.Z_SYNC_FLUSH)


def _measured(
    what: str, feed: Callable[[bytes], object], pieces: Iterable[bytes], fed: int, bound: float
) -> Held:
    left = fed
    tracemalloc.start()
    try:
        for piece in pieces:
            feed(piece)
            left -= len(piece)
            if left <= 0:
                break
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return Held(what, round((fed - max(left, 0)) / MIB, 1), round(most / MIB, 2), round(bound / MIB, 2))
