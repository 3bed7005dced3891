"""How far back the fold looks: what the log must hold at least, so that a fold of it ends in the same state.

Rule: the longest of everything that is kept by time counts, policy included. The log is kept for twice that:
a projector that was away for one whole window still finds every record that matters.
"""

from collections.abc import Iterable

from interlock_domain.catalog.policy import Policy, TargetPolicy
from interlock_domain.catalog.target import Target
from interlock_domain.health.cooldown import CALM_MS
from interlock_domain.projection.gateways import FINGERPRINT_MS
from interlock_domain.projection.sweep import BOOT_KEPT_MS


def longest_window_ms(policy: Policy, targets: Iterable[Target] = ()) -> int:
    """The longest time over which one record still matters to the fold."""
    own = [target.policy for target in targets if target.policy is not None]
    return max(FINGERPRINT_MS, BOOT_KEPT_MS, *(_of_target(one) for one in (policy.target, *own)))


def least_retention_ms(policy: Policy, targets: Iterable[Target] = ()) -> int:
    """The shortest time for which events may be kept."""
    return 2 * longest_window_ms(policy, targets)


def _of_target(policy: TargetPolicy) -> int:
    """A rest at its longest, the way back, and the calm after which it is forgotten."""
    rest = max(policy.cooldown.max_ms, policy.cooldown.retry_after_cap_ms, policy.cooldown.window_ms)
    return rest + policy.half_open.ramp_ms + CALM_MS
