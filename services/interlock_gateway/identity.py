"""Who this gateway process is, and the ids it hands out.

Facts are deduplicated by (gateway, worker, boot, seq), so a boot id is never used twice: it is
random, and a changed credential starts a new one.
"""

import os
from typing import Final

from msgspec import Struct

_POOL_BYTES: Final = 4_096  # one system call for 512 ids; a call for each id costs 1 us of the path


class Identity(Struct, frozen=True, kw_only=True):
    """Gateway = host or pod; worker = process on it; boot = this start of it."""

    gateway: str
    worker: int
    boot: str
    workers: int = 1
    """How many this gateway has: they take turns in probing."""


class Ids:
    """Random request ids (16 hex digits) and seeds (32 bits), drawn from a refilled pool of bytes."""

    __slots__ = ("_at", "_bytes")

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """`size` random bytes."""
        if self._at + size > len(self._bytes):
            self._bytes = os.urandom(_POOL_BYTES)
            self._at = 0
        taken = self._bytes[self._at : self._at + size]
        self._at += size
        return taken

    def request_id(self) -> str:
        """A new request id; the first six digits are what people type."""
        return self.take(8).hex()

    def seed(self) -> int:
        """A new seed for one decision."""
        return int.from_bytes(self.take(4), "big")


def new_identity(gateway: str, *, worker: int = 0, workers: int = 1) -> Identity:
    """Of a start that begins now."""
    return Identity(gateway=gateway, worker=worker, boot=os.urandom(6).hex(), workers=workers)
