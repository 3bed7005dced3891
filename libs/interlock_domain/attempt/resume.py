"""What follows when a stream breaks after its client was shown content: another target, or the end.

Rule (requirements C2): only where the pool asks for it (`streams.on_break`), and then the request starts once
more on another target, never on the same one, under the same limits as any failover. Each costs a token of
the retry budget: unlike a first failover it is a second whole answer. What time is left counts from the
deadline of the request; the limit for the first token was kept by the answer that broke.
"""

from interlock_domain.attempt.plan import FailedTry, MoveOn, Stop, Walk, may_go_on
from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.words import SkipReason


def resume_step(policy: PoolPolicy, failed: FailedTry, walk: Walk) -> MoveOn | Stop:
    """What to do after an attempt broke, or one that should have continued it failed.

    `walk.candidates_left` are those that can continue the stream at all.
    """
    if policy.streams.on_break == "error":
        return Stop(SkipReason.COMMITTED)
    if not may_go_on(policy, failed):
        return Stop(SkipReason.NOT_RETRIABLE)
    if walk.time_left_ms <= 0:
        return Stop(SkipReason.DEADLINE)
    if walk.candidates_left <= 0:
        return Stop()
    if walk.targets_tried >= policy.attempts.max_targets:
        return Stop(SkipReason.MAX_TARGETS)
    return MoveOn() if walk.budget else Stop(SkipReason.RETRY_BUDGET)
