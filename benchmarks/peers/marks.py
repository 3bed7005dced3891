"""What was measured before, on such a machine with such a mock: the marks that a run is held against.

Rule: a gateway that no registry serves is not measured here; its figures stand as they were published, as
ratios to nginx in their own run, because processor times of two machines cannot be compared.
"""

from typing import Final

from msgspec import Struct


class Mark(Struct, frozen=True):
    """The most that Interlock may cost, as a multiple of nginx in the same run."""

    kind: str
    words: str
    times_nginx: float


GO_GATEWAY: Final = "GoModel 0.1.22 (Go), as published: the module proxy does not serve its versions"
MARKS: Final = (
    Mark("unary", "unary, 32 connections", 10.9),
    Mark("burst", "burst of 50 chunks", 2.3),
    Mark("paced", "paced stream (5 ms)", 2.4),
)
SHARES: Final = {"Portkey": 1 / 5, "LiteLLM": 1 / 35}
"""Interlock's processor time may be at most this part of theirs, on a whole answer at 32 connections."""
PUBLISHED: Final = {
    "nginx": (18, 41, 144, 15, 12),
    "GoModel 0.1.22": (198, 323, 330, 37, 34),
    "Portkey 1.15.2": (834, 861, 1_540, 98, 195),
    "LiteLLM 1.109.1": (7_662, 8_290, 37_303, 813, 482),
}
"""CPU us a request at 32 and at 1 connections, a burst, a paced chunk; resident MB: an earlier run's."""
