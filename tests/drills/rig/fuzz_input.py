"""What every fuzz target is made of: a function of bytes, bytes to begin with, and words of its format.

Rule: a target raises for whatever may not happen, an exception that leaves the code under test as much as a
promise it breaks, and returns what became of the input in a few values: an input that ends in a new way is
worth keeping. A target is a pure function of its bytes, so a finding is a file.
"""

import random
from collections.abc import Callable, Hashable, Iterable
from itertools import pairwise

from msgspec import Struct


class Broken(AssertionError):
    """A promise does not hold for this input."""


class Target(Struct, frozen=True, kw_only=True):
    """`run` raises, or says what became of the input."""

    name: str
    run: Callable[[bytes], Hashable]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()


def demand(held: bool, promise: str) -> None:
    """Raises Broken."""
    if not held:
        raise Broken(promise)


def with_control(number: int, data: bytes) -> bytes:
    """An input whose first bytes choose how the rest is used."""
    return number.to_bytes(2, "big") + data


def control(data: bytes) -> tuple[int, bytes]:
    """The number, and the rest."""
    return int.from_bytes(data[:2], "big"), data[2:]


def cut(number: int, data: bytes) -> list[bytes]:
    """The data in pieces, at least one: whole, byte by byte, or at places that the number draws."""
    if number % 4 == 0 or not data:
        return [data]
    if number % 4 == 1 and len(data) <= 300:
        return [data[n : n + 1] for n in range(len(data))]
    draw = random.Random(number)
    edges = sorted({0, len(data), *(draw.randrange(len(data) + 1) for _ in range(number % 9))})
    return [data[a:b] for a, b in pairwise(edges)]


def file_name(name: str) -> str:
    """A target's name as the name of a file."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)
