"""When the demo's providers misbehave: a function of the seconds since they started.

Rule: the first failure comes after a second and its recovery before the tenth, because that is how long
people watch before they judge; then each kind of trouble has its turn, with quiet between.
"""

from enum import StrEnum
from typing import Final

CYCLE_S: Final = 36.0


class Mood(StrEnum):
    """How a provider answers at the moment."""

    HEALTHY = "healthy"
    ERRORS = "errors"
    LIMITED = "limited"
    CUT = "cut"


ATLAS: Final = (
    (1.0, 3.5, Mood.ERRORS),  # long enough for two strikes, over before the first probe (3 s later)
    (13.0, 14.5, Mood.LIMITED),  # one 429 with Retry-After is all it takes
    (23.0, 27.5, Mood.CUT),  # streams alone, half of the traffic: it takes longer to be sure
)


def mood_of(name: str, elapsed_s: float) -> Mood:
    """The mood of a provider that many seconds after the demo began."""
    if name != "atlas":
        return Mood.HEALTHY
    at = elapsed_s % CYCLE_S
    return next((mood for begin, end, mood in ATLAS if begin <= at < end), Mood.HEALTHY)
