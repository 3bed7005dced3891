"""The one absolute deadline of a request, and the limits of each attempt within it.

Rule (B1, C3): the deadline is set once, when the request arrives; no retry and no failover moves it.
Phase limits are the policy's own and are never shortened to fit: what runs into the deadline is the
request's end (504), not the target's timeout, and must not count as a strike. Dropped: a limit per
attempt cut to the time left, because then the last target tried is blamed for the first one's delay.
"""

from typing import Final

from msgspec import Struct

from interlock_domain.catalog.policy import Attempts, PoolPolicy

PROBE_CONNECT_MS: Final = 2_000
"""A host that needs longer to accept is not back yet (D5)."""
PROBE_FIRST_TOKEN_MS: Final = 30_000
"""A client carries the probe: it waits at most that long before failover (D5)."""


class Deadline(Struct, frozen=True):
    """Absolute ends on the caller's monotonic clock; the second one is for a stream's first content."""

    ends_ms: int
    first_token_ends_ms: int

    def left_ms(self, now_ms: int, *, awaits_first_token: bool) -> int:
        """Time left for everything that is still to be done; 0 when it is over."""
        ends = self.ends_ms
        if awaits_first_token:
            ends = min(ends, self.first_token_ends_ms)
        return max(0, ends - now_ms)


class Limits(Struct, frozen=True, kw_only=True):
    """What one attempt may take, by phase; `whole_ms` is the request's own time left."""

    connect_ms: int
    response_ms: int
    first_token_ms: int
    stall_ms: int
    whole_ms: int


def deadline_at(attempts: Attempts, arrived_ms: int) -> Deadline:
    """The deadline of a request that arrived now."""
    return Deadline(arrived_ms + attempts.deadline_ms, arrived_ms + attempts.first_token_total_ms)


def limits_at(
    policy: PoolPolicy, deadline: Deadline, now_ms: int, *, stream: bool, probe: bool = False
) -> Limits:
    """The limits of an attempt that starts now."""
    timeouts = policy.timeouts
    return Limits(
        connect_ms=min(timeouts.connect_ms, PROBE_CONNECT_MS) if probe else timeouts.connect_ms,
        response_ms=timeouts.response_ms,
        first_token_ms=(
            min(timeouts.first_token_ms, PROBE_FIRST_TOKEN_MS) if probe else timeouts.first_token_ms
        ),
        stall_ms=timeouts.stall_ms,
        whole_ms=deadline.left_ms(now_ms, awaits_first_token=stream),
    )
