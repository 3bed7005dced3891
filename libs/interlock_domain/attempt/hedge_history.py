"""What a worker remembers for its hedges: first contents of each target, who won, and the tokens of a pool.

Rule: each memory is small, bounded and forgets, so that a judgement is about now. A target's 95th percentile
is exact over its last hundred streams, because the buckets of `latency.py` double and a hedge that comes at
twice the time comes too late. Dropped: an estimate that moves with each stream, which one burst of slow
answers pulls away for minutes.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import Final

SAMPLES: Final = 100
"""Streams of a (target, shape) that are remembered: five lie above the 95th percentile, so one odd answer
does not move it, and at one stream a second it follows a change within two minutes."""
LEAST_SAMPLES: Final = 20
"""Fewer have no 95th percentile: it would be the slowest of them."""
RACES: Final = 50
RACES_MS: Final = 10 * 60_000
"""Older races are forgotten, and a verdict with them: without new hedges nothing else would lift it."""
LEAST_RACES: Final = 20
"""Below it nothing is judged: where one hedge in four wins, fewer than 2 of 20 do so in 2 % of all cases."""
LEAST_WINS: Final = 0.1
"""A hedge that wins less often than one time in ten costs ten calls for one better answer (C7)."""
_ONE: Final = 1_000
"""Tokens are counted in thousandths, as in budget.py."""


class FirstContents:
    """Times to first content of one (target, shape) in ms; `add` costs two searches in a hundred numbers."""

    __slots__ = ("_in_order", "_sorted")

    def __init__(self) -> None:
        self._in_order: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, ms: float) -> None:
        """One stream had its first content after so long."""
        if len(self._in_order) == SAMPLES:
            del self._sorted[bisect_left(self._sorted, self._in_order.popleft())]
        self._in_order.append(ms)
        insort(self._sorted, ms)

    def overtaken(self, ms: float) -> None:
        """A stream was given up for a hedge after so long, without content.

        It counts as one that took this long, for it took longer: left out, the slowest streams would be
        missing and the percentile would creep down hedge by hedge. It counts only from the percentile on;
        below it, nobody knows on which side of it the stream would have ended.
        """
        if ms >= (self.p95() or ms + 1):
            self.add(ms)

    def p95(self) -> float | None:
        """One in twenty took longer than that; None: too few streams to say."""
        known = len(self._sorted)
        return self._sorted[-(-19 * known // 20) - 1] if known >= LEAST_SAMPLES else None


class Races:
    """How the latest hedges of a pool ended; times are any one monotonic clock."""

    __slots__ = ("_ended",)

    def __init__(self) -> None:
        self._ended: deque[tuple[int, bool]] = deque(maxlen=RACES)

    def ended(self, now_ms: int, *, won: bool) -> None:
        """A hedge had content first, or it did not."""
        self._ended.append((now_ms, won))

    def losing(self, now_ms: int) -> bool:
        """Whether hedges win so seldom that they are not worth their calls."""
        while self._ended and now_ms - self._ended[0][0] >= RACES_MS:
            self._ended.popleft()
        if len(self._ended) < LEAST_RACES:
            return False
        return sum(won for _, won in self._ended) < LEAST_WINS * len(self._ended)


class HedgeBudget:
    """The hedges of a pool are a share of its requests, whatever is slow (B6).

    Each request brings `ratio`, a hedge draws 1. It begins with one token, so hedges are never more than
    1 + ratio x requests; what is saved up is worth the requests of the last ten seconds, and at least one
    hedge, since a pool with a request a minute would otherwise never have one. It reads the requests from the
    retry budget, which counts them anyway: a pool that does not hedge pays nothing.
    """

    __slots__ = ("_left", "_seen", "_share")

    def __init__(self, ratio: float) -> None:
        self._share = round(ratio * _ONE)
        self._left = _ONE if self._share else 0
        self._seen = 0

    def left(self, requests: int, recent: int) -> float:
        """Hedges that may be drawn, after `requests` in all and `recent` in the last ten seconds."""
        self._left += self._share * (requests - self._seen)
        self._seen = requests
        worth = max(_ONE, self._share * recent) if self._share else 0
        self._left = min(worth, self._left)
        return self._left / _ONE

    def draw(self) -> None:
        """A hedge begins; only after `left` said that there is 1."""
        self._left -= _ONE
