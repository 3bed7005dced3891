"""Evidence: what one observer saw of one (target, shape) lately, as a short run-length list.

Rule: a run is (time, n): n successes, or -n failures, that ended in the same tenth of a second, at the
time of the last of them. The list holds attempts in order of their time and is pruned lazily: whoever
reads it cuts it by the policy first, so a list that was not pruned yet reads the same. Dropped: a ring
of single attempts (at 100 requests/s nobody can afford 1,000 targets x 3 s of them) and counters per
second (they lose the order, which "five in a row" needs).
"""

from bisect import bisect_right
from operator import itemgetter
from typing import Final

from msgspec import Struct

from interlock_domain.catalog.policy import CooldownPolicy

Runs = list[tuple[int, int]]

RUN_MS: Final = 100
"""Attempts this close may share a time: `consecutive_time`, the shortest time judged, is 250 ms."""
PRUNE_AT: Final = 64
"""Longer lists are cut when they grow: twice what 3 s of alternating tenths hold."""
MARKS_KEPT: Final = 8
"""Positions of failures kept as evidence of a later cooldown: enough for a reader to follow."""

_time = itemgetter(0)


class Evidence(Struct):
    """What one gateway saw of one (target, shape). `marks`: (time, position) of its last failures."""

    runs: list[tuple[int, int]] = []
    marks: list[tuple[int, int]] = []
    tripped_ms: int | None = None

    def clear(self) -> None:
        """Begin anew: a cooldown of this (target, shape) opened or ended."""
        self.runs.clear()
        self.marks.clear()
        self.tripped_ms = None


def add(runs: Runs, at_ms: int, n: int) -> None:
    """Add n successes, or -n failures; what comes late joins at its own time."""
    if runs and at_ms - runs[-1][0] < RUN_MS:
        _squeeze_in(runs, at_ms, n)
    else:
        runs.append((at_ms, n))


def _squeeze_in(runs: Runs, at_ms: int, n: int) -> None:
    """Add attempts close to the last run or before it."""
    last_ms, last_n = runs[-1]
    if at_ms < last_ms:
        runs.insert(bisect_right(runs, at_ms, key=_time), (at_ms, n))
    elif (n > 0) == (last_n > 0) and at_ms // RUN_MS == last_ms // RUN_MS:
        runs[-1] = (at_ms, last_n + n)
    else:
        runs.append((at_ms, n))


def prune(runs: Runs, policy: CooldownPolicy) -> None:
    """Forget what no judgement will read again."""
    del runs[: _start(runs, policy)]


def mark(evidence: Evidence, at_ms: int, position: int) -> None:
    """Remember where the log holds a failure."""
    evidence.marks.append((at_ms, position))
    del evidence.marks[:-MARKS_KEPT]


def marked(evidence: Evidence, policy: CooldownPolicy) -> list[int]:
    """Positions of the failures that a judgement now would read."""
    oldest = evidence.runs[-1][0] - policy.window_ms if evidence.runs else 0
    return [position for at_ms, position in evidence.marks if at_ms >= oldest]


def strikes(runs: Runs, policy: CooldownPolicy) -> int:
    """Failures that a judgement now would read."""
    return -sum(n for _, n in recent(runs, policy) if n < 0)


def recent(runs: Runs, policy: CooldownPolicy) -> Runs:
    """The attempts that count, oldest first: all of the last `span_time`, and at least the last `span`."""
    start = _start(runs, policy)
    kept = runs[start:]
    surplus = sum(abs(n) for _, n in kept) - policy.span
    if kept and surplus > 0 and kept[0][0] < kept[-1][0] - policy.span_time_ms:
        at_ms, n = kept[0]
        kept[0] = (at_ms, n - surplus if n > 0 else n + surplus)
    return kept


def _start(runs: Runs, policy: CooldownPolicy) -> int:
    """Index of the oldest run that counts; the newest run is `now`."""
    if not runs:
        return 0
    newest = runs[-1][0]
    attempts, index = 0, len(runs)
    while index:
        at_ms, n = runs[index - 1]
        age = newest - at_ms
        if age > policy.window_ms or (age > policy.span_time_ms and attempts >= policy.span):
            break
        attempts += abs(n)
        index -= 1
    return index
