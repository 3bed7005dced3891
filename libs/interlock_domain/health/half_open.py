"""The way back of a rested target: whose turn it is to probe, and how much traffic a ramp lets in.

Rule: every gateway computes the same answer from the row, the moment and the list of gateways; no
gateway asks another. Dropped: a probe lease in the store, because the return of a target would then
depend on a round trip that fails exactly when things fail; a probe per gateway and interval, because
a struggling target would then be hit by as many probes as there are gateways.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final

from interlock_domain.catalog.policy import HalfOpenPolicy

_OWNERS_KEPT: Final = 4_096
"""Memo of `slot_owner`: the pairs (target, shape) half-open at once in a bad hour, with room to spare."""


def slot_at(as_of_ms: int, interval_ms: int) -> int:
    """The number of the probe slot that holds this moment."""
    return as_of_ms // max(1, interval_ms)


def slot_end_ms(as_of_ms: int, interval_ms: int) -> int:
    """When the slot that holds this moment ends, and somebody may probe anew."""
    return (slot_at(as_of_ms, interval_ms) + 1) * max(1, interval_ms)


@lru_cache(maxsize=_OWNERS_KEPT)
def slot_owner(subject: str, shape: str, slot: int, gateways: tuple[str, ...]) -> str:
    """The gateway that may probe in this slot: highest hash wins, so a leaver moves only its own slots."""
    return max(gateways, key=lambda gateway: (_hash(f"{subject}\0{shape}\0{slot}\0{gateway}"), gateway))


def slot_worker(subject: str, shape: str, slot: int, workers: int) -> int:
    """The worker of the owning gateway that may probe in this slot; workers count from 1.

    Another one each slot, since one that shares a port may be given no request for a while.
    """
    return 1 + (_hash(f"{subject}\0{shape}") + slot) % workers


def ramp_fraction(returned_ms: int, policy: HalfOpenPolicy, as_of_ms: int) -> float:
    """The share of requests that a returned target gets: `ramp_from` at its return, 1 after `ramp_ms`."""
    if policy.ramp_ms <= 0:
        return 1.0
    passed = min(1.0, max(0.0, (as_of_ms - returned_ms) / policy.ramp_ms))
    return policy.ramp_from + (1.0 - policy.ramp_from) * passed


def lottery(seed: int, target: str) -> float:
    """This request's draw for the target, in [0, 1): below the ramp's fraction it counts as eligible."""
    return _hash(f"{seed}\0{target}") / (1 << 64)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
