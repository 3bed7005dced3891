"""What chance and turn-taking are made of: the two numbers of a request that an order may depend on.

Rule: everything random in a decision comes from the recorded seed through the generator below, so
that a recomputation years later, on another Python, gives the same order. Dropped: the standard
library's generator, whose sequences are no promise between versions.
"""

from typing import Final, NamedTuple

_MASK: Final = (1 << 64) - 1
_GAMMA: Final = 0x9E3779B97F4A7C15
"""2^64 / golden ratio, odd: the increment of splitmix64, and so of its published test vectors."""

DRAWN: Final = 16
"""Places that are drawn; the rest follow in listing order, since no plan tries that many targets."""


class Draw(NamedTuple):
    """`seed` differs between requests; `turn` counts the requests of (pool, shape) at a gateway."""

    seed: int
    turn: int


def next_tier(draw: Draw, total: int) -> Draw:
    """The draw of the tier after one whose weights sum up to `total`.

    With the same draw, everybody who fails at one member of a tier would fall on one of the next.
    """
    return Draw(splitmix64(draw.seed, DRAWN), draw.turn // max(1, total))


def splitmix64(seed: int, n: int) -> int:
    """The n-th number (from 0) of the splitmix64 sequence of a seed, in [0, 2^64)."""
    z = (seed + (n + 1) * _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def below(number: int, limit: int) -> int:
    """A number of 64 random bits scaled to [0, limit); the bias is limit / 2^64."""
    return (number * limit) >> 64


def take(places: list[int], weights: tuple[int, ...], point: int) -> int:
    """Remove and return the place whose slice of the summed weights holds `point`."""
    for at, place in enumerate(places):
        point -= weights[place]
        if point < 0:
            return places.pop(at)
    raise ValueError("the point lies beyond the sum of the weights")
