"""The arithmetic of cooldowns: how long, how much longer the next time, and when that is forgotten.

Rule: lengths climb a ladder by level; a failure within 300 s of a return is one level up, 300 s of calm
forget the level. What upstream states is obeyed as stated; only our own lengths carry jitter, and that is
a hash of (target, position), so that a fold of the same log gives the same deadline. A longer cooldown is
never shortened by a shorter one. Dropped: decaying levels by time, because nobody could read from the log
why a length was what it was.
"""

from hashlib import blake2b
from typing import Final

from interlock_domain.catalog.policy import CooldownPolicy
from interlock_domain.health.classes import ClassRule, Ladder

CALM_MS: Final = 300_000
"""Closed that long without a trip, a target starts at the bottom again; equals the longest cooldown."""
JITTER: Final = 0.1
"""Up to a tenth either way: targets of one provider that fell together do not return in one instant."""
STATED_FLOOR_MS: Final = 1_000
"""A stated 0 still means "not now"."""
_TOP: Final = 32
"""Beyond this level any ladder stands at its maximum."""


def ladder_of(rule: ClassRule, policy: CooldownPolicy) -> Ladder:
    """The ladder of the class, or else the policy's."""
    return rule.ladder or Ladder(policy.initial_ms, policy.factor, policy.max_ms)


def length_ms(ladder: Ladder, level: int) -> int:
    """How long a cooldown of that level lasts, before jitter."""
    return int(min(float(ladder.max_ms), ladder.initial_ms * ladder.factor ** min(level, _TOP)))


def jittered_ms(length: int, target: str, position: int) -> int:
    """The length moved by the hash of where and why it opened."""
    digest = blake2b(f"{target}\0{position}".encode(), digest_size=4).digest()
    draw = int.from_bytes(digest, "big") / (1 << 32)
    return round(length * (1.0 + JITTER * (2.0 * draw - 1.0)))


def stated_left_ms(retry_after_ms: int, age_ms: int, policy: CooldownPolicy) -> int:
    """What is left of a stated time, held between a second and the cap; 0 or less: nothing."""
    return min(max(retry_after_ms, STATED_FLOOR_MS), policy.retry_after_cap_ms) - age_ms


def next_level(level: int, returned_ms: int | None, now_ms: int) -> int:
    """The level of a cooldown that opens now, after one of `level` that ended at `returned_ms`."""
    if returned_ms is None or now_ms - returned_ms >= CALM_MS:
        return 0
    return level + 1
