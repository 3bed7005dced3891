"""The retry budget of a pool at a gateway: retries are a share of the traffic, whatever fails.

Rule (B6): each request brings `retry_ratio`, each second `retry_floor_per_s`; a same-target retry or
a failover draws 1; what is not drawn within ten seconds is gone. When all upstreams fail, attempts
are at most (1 + ratio) x requests + floor. Dropped: a plain cap in tokens, because the right cap of
a busy pool drowns a quiet one in saved-up retries.
"""

from typing import Final

from interlock_domain.catalog.policy import Budgets

SAVED_S: Final = 10
"""Seconds for which deposits count (Finagle's window): long enough for a burst, too short to hoard."""


_ONE: Final = 1_000
"""Tokens are counted in thousandths: sums of 0.2 are exact, and ten of them are two retries."""


class RetryBudget:
    """A token bucket over the last ten seconds of requests. Times are any one monotonic clock."""

    __slots__ = ("_at_ms", "_floor", "_fresh", "_left", "_per_second", "_second", "_share", "_total")

    def __init__(self, policy: Budgets, now_ms: int) -> None:
        self._share = round(policy.retry_ratio * _ONE)
        self._floor = policy.retry_floor_per_s * _ONE
        self._at_ms = now_ms
        self._fresh = 0
        self._total = 0
        self._second = now_ms // 1_000
        self._per_second = [0] * SAVED_S
        self._left = self._floor * SAVED_S

    def request(self) -> None:
        """A request of the pool began; its share is deposited with the next look at the clock."""
        self._fresh += 1

    def settle(self, now_ms: int) -> None:
        """Deposit what came since the last look; called each second, so a deposit is at most that late."""
        self._roll(now_ms)

    def left(self, now_ms: int) -> float:
        """Tokens that may still be drawn."""
        self._roll(now_ms)
        return self._left / _ONE

    def draw(self, now_ms: int) -> bool:
        """Take 1 for a retry or a failover; False when there is less than 1."""
        self._roll(now_ms)
        if self._left < _ONE:
            return False
        self._left -= _ONE
        return True

    def half_spent(self, now_ms: int) -> bool:
        """Whether less is left than half of what could be."""
        self._roll(now_ms)
        return self._left < self._worth() / 2

    def counted(self, now_ms: int) -> tuple[int, int]:
        """Requests of the pool in all, and in the last ten seconds."""
        self._roll(now_ms)
        return self._total, sum(self._per_second)

    def _roll(self, now_ms: int) -> None:
        """Let time pass: the floor flows in, seconds leave the window, the bucket never overflows."""
        self._per_second[self._second % SAVED_S] += self._fresh
        self._left += self._share * self._fresh
        self._total += self._fresh
        self._fresh = 0
        passed_ms = max(0, now_ms - self._at_ms)
        self._at_ms += passed_ms
        second = self._at_ms // 1_000
        for gone in range(min(second - self._second, SAVED_S)):
            self._per_second[(self._second + 1 + gone) % SAVED_S] = 0
        self._second = second
        self._left = min(self._worth(), self._left + self._floor * passed_ms / 1_000)

    def _worth(self) -> float:
        return SAVED_S * self._floor + self._share * sum(self._per_second)
