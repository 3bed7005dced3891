"""The content digest of a table of rows: what a commit promises and every reader checks.

Rule: the digest depends on the set of (key, payload) alone, neither on order nor on how the table
came to be, so that a writer can keep it up to date row by row and a reader that only holds a
compacted table can prove it. Dropped: a hash over the sorted table, because each commit would then
cost the whole table; a Merkle tree, because one number is all that is ever compared.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from interlock_domain.rows import CLUSTER_KEY, COMMIT_KEY

_MODULUS: Final = 1 << 128
UNSUMMED: Final = frozenset((CLUSTER_KEY, COMMIT_KEY))
"""Keys outside every digest: the cluster key is nobody's business, the commit carries the digest."""
EMPTY: Final = 0
"""The sum of no rows; start here, then `add` and `remove`."""


def row_hash(key: str, payload: bytes) -> int:
    """First 16 bytes of SHA-256(key, 0x00, payload); 0 for a key outside the digest."""
    if key in UNSUMMED:
        return 0
    digest = hashlib.sha256(key.encode())
    digest.update(b"\x00")
    digest.update(payload)
    return int.from_bytes(digest.digest()[:16], "big")


def add(total: int, key: str, payload: bytes) -> int:
    """The sum after the row came in."""
    return (total + row_hash(key, payload)) % _MODULUS


def remove(total: int, key: str, payload: bytes) -> int:
    """The sum after the row, as it was, went out."""
    return (total - row_hash(key, payload)) % _MODULUS


def table_sum(rows: Mapping[str, bytes]) -> int:
    """The sum of a whole table."""
    return sum(row_hash(key, payload) for key, payload in rows.items()) % _MODULUS


def digest_text(total: int) -> str:
    """A sum as commits carry it: 32 hex digits."""
    return f"{total:032x}"


def table_digest(rows: Mapping[str, bytes]) -> str:
    """The digest of a whole table, as commits carry it."""
    return digest_text(table_sum(rows))
