"""What is sent: a head that is complete and a body that is bytes; and the builder that makes such a head.

The rule kept: whatever reaches a request line or a header cannot end the line, and framing (Host,
Content-Length, Transfer-Encoding) is written by the builder alone, so a forwarded client header cannot
smuggle a second request. The rival, a header dictionary on the request, was dropped: it was serialised again
on every attempt, and the fixed part of a head never changes between two requests to a target.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from interlock_upstream.errors import InvalidValue
from interlock_upstream.origin import Origin

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NOT_IN_TARGET: Final = re.compile(rb"[\x00-\x20\x7f]")
_FRAMING: Final = frozenset((b"host", b"content-length", b"transfer-encoding"))


@dataclass(frozen=True, slots=True)
class PhaseLimits:
    """Seconds an attempt may take until it is connected (DNS, TCP, proxy and TLS together), and from the
    request being written to the response head. The time of a body is given to each read."""

    connect_s: float
    headers_s: float


@dataclass(slots=True)
class UpstreamRequest:
    """One request, ready to write. Not frozen: that makes building one four times as slow."""

    origin: Origin
    head: bytes
    """The request line, all headers and the blank line: see `build_head`."""
    body: bytes = b""
    resendable: bool = True
    """Whether it may be written once more when a kept-alive connection turns out to be dead."""
    pool_key: str = ""
    """Connections are shared, and bounded, for each (origin, pool_key)."""


def build_head(  # noqa: PLR0917 - the order in which a head is written
    method: bytes,
    path_and_query: bytes,
    host: bytes,
    fixed_headers: bytes = b"",
    extra: Iterable[tuple[bytes, bytes]] = (),
    content_length: int | None = None,
) -> bytes:
    """Join a request head out of a trusted block from `build_fixed_headers` and checked `extra` headers.

    Raises InvalidValue for a line break or NUL in a value, a name that is no token, and framing headers in
    `extra`.
    """
    if _NOT_IN_TARGET.search(path_and_query) is not None or not path_and_query:
        raise InvalidValue("the request target is empty or holds a space or a control character")
    lines = build_fixed_headers(extra) if extra else b""
    if content_length is None:
        return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b%b\r\n" % (
            method,
            path_and_query,
            host,
            fixed_headers,
            lines,
        )
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b%bcontent-length: %d\r\n\r\n" % (
        method, path_and_query, host, fixed_headers, lines, content_length,
    )  # fmt: skip


def build_fixed_headers(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Join header lines into a block for `build_head`; made once for each target. Raises InvalidValue."""
    lines = []
    known = _seen
    for name, value in headers:
        if name not in known and not _is_plain_name(name):
            raise InvalidValue(f"{name!r} is not a header name that may be forwarded")
        lines.append(b"%b: %b\r\n" % (name, value))
    block = b"".join(lines)
    # Counting over the joined block is one pass in C, where a test of each value is a call for each header.
    if block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines) or block.find(b"\0") >= 0:
        raise InvalidValue("a header value holds a line break or NUL")
    return block


_SEEN_KEPT: Final = 1024  # names repeat; the bound is against callers that invent them
_seen: set[bytes] = set()


def _is_plain_name(name: bytes) -> bool:
    plain = _TOKEN.fullmatch(name) is not None and name.lower() not in _FRAMING
    if plain and len(_seen) < _SEEN_KEPT:
        _seen.add(name)
    return plain
