"""What the headers of a client mean, worked out once for as long as its connection repeats them.

Clients send the same headers with every request, but for the length: so what follows from them alone (the
hashes of the keys, what goes upstream) is kept beside the connection and compared, which costs a tenth.
Rule: nothing of a client outlives its connection, its credentials least of all. One table for the whole
process was dropped for that reason.
"""

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from interlock_gateway.asgi import HeaderPairs
from interlock_gateway.hops import end_to_end

if TYPE_CHECKING:
    from interlock_gateway.calls import TargetCall

_LENGTH: Final = b"content-length"
TARGETS_KEPT: Final = 4
"""Targets whose form of the headers a connection keeps: a plan's first few, of half a kilobyte each."""


class Forwarded(Struct, frozen=True):
    """Headers as one target gets them: ready to write, and the names that were changed on the way."""

    lines: bytes
    changed: tuple[str, ...]


class ClientHead:
    """The headers of one client. Nothing in it changes but what it remembers."""

    __slots__ = ("_forwarded", "_keys", "headers", "sent")

    def __init__(self, sent: HeaderPairs) -> None:
        """`sent`: without the length, which every request has of its own."""
        self.sent = sent
        """As it came."""
        self._keys: tuple[str, ...] | None = None
        self._forwarded: dict[TargetCall, Forwarded] = {}
        self.headers = end_to_end(sent)
        """What may go further than this hop."""

    def keys(self) -> tuple[str, ...]:
        """SHA-256 of each key that came with it, in hex; one is usual."""
        if self._keys is None:
            self._keys = tuple(sha256(key).hexdigest() for key in presented(self.sent))
        return self._keys

    def forwarded(self, call: "TargetCall") -> Forwarded:
        """As the target of a call gets it. Raises InvalidValue."""
        known = self._forwarded.get(call)
        if known is None:
            if len(self._forwarded) >= TARGETS_KEPT:
                self._forwarded.clear()
            known = self._forwarded[call] = call.forwarded(self.headers)
        return known


class Memory:
    """What is kept beside a connection: the head of its last request."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: ClientHead | None = None

    def head(self, headers: HeaderPairs) -> ClientHead:
        """The head of a request on this connection."""
        sent = [pair for pair in headers if pair[0] != _LENGTH]
        last = self._last
        if last is None or last.sent != sent:
            last = self._last = ClientHead(sent)
        return last


def presented(headers: HeaderPairs) -> list[bytes]:
    """The keys that came with a request, as `authorization: Bearer` or as `x-api-key`."""
    found = []
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer" and key.strip():
                found.append(key.strip())
        elif name == b"x-api-key" and value.strip():
            found.append(value.strip())
    return found
