"""Where projections stand, and where they begin again when the log that they folded was replaced.

Rule: plain values for whoever mends a cell; how it is done is the adapter's. Dropped: a port, because only a
cluster's database can be put back while its log goes on.
"""

from msgspec import Struct


class Furthest(Struct, frozen=True, kw_only=True):
    """The highest position that any projection committed, and the highest epoch that any was owned under."""

    position: int
    epoch: int


class Cut(Struct, frozen=True, kw_only=True):
    """Where the projections begin again, and how many observations went."""

    position: int
    transitions: int
