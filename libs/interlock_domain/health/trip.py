"""The trip rule: when does one observer's evidence say that a (target, shape) is failing?

Rule: judged only when a failure was just added, on the list alone: failures >= `strikes` and a share of
at least `min_ratio`, or the last `consecutive` all failed and the last success is `consecutive_time` old.
The newest run is "now", so a list that travelled for a second is judged like a fresh one, by the fold and
by the local breaker alike. Dropped: a bare count ("two strikes in 60 s"), which cooled healthy targets
39-88 % of the time in simulation, and the last 20 attempts without `span_time`, up to 97 % in bursts.
"""

from interlock_domain.catalog.policy import CooldownPolicy
from interlock_domain.health.evidence import Runs, recent


def trips(runs: Runs, policy: CooldownPolicy) -> bool:
    """Judge the list after a failure joined it."""
    kept = recent(runs, policy)
    failures = -sum(n for _, n in kept if n < 0)
    attempts = sum(abs(n) for _, n in kept)
    if failures >= policy.strikes and failures >= policy.min_ratio * attempts:
        return True
    return _in_a_row(kept, policy)


def _in_a_row(kept: Runs, policy: CooldownPolicy) -> bool:
    """Did the last `consecutive` fail, without a success close before them?"""
    failed = 0
    for at_ms, n in reversed(kept):
        if n > 0:
            return failed >= policy.consecutive and kept[-1][0] - at_ms >= policy.consecutive_time_ms
        failed -= n
    return failed >= policy.consecutive
