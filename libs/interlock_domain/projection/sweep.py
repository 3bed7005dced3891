"""Forgetting: each minute of log time the state drops what can change nothing any more.

Rule: what goes is decided by the last full minute, not by the record that happened to come first after it,
so a log with a duplicated record ends in the same state. Dropped: forgetting on access, because names that
are never asked for again would stay for ever.
"""

from typing import Final

from interlock_domain.projection.state import GatewayState, State, TargetState, policy_of

EVERY_MS: Final = 60_000
"""A sweep reads every list of every target; once a minute that is far below a thousandth of the fold."""
BOOT_KEPT_MS: Final = 3_600_000
"""A worker silent that long will not send its old facts again (events.md)."""


def next_sweep_ms(now_ms: int) -> int:
    """The next full minute."""
    return (now_ms // EVERY_MS + 1) * EVERY_MS


def sweep(state: State, now_ms: int) -> None:
    """Drop what was out of date at the last full minute."""
    minute_ms = now_ms - now_ms % EVERY_MS
    for name in list(state.gateways):
        gateway = state.gateways[name]
        _boots(gateway, minute_ms)
        if not gateway.boots:
            del state.gateways[name]
    for name, target in state.targets.items():
        _evidence(target, minute_ms - policy_of(state, name).cooldown.window_ms)


def _boots(gateway: GatewayState, minute_ms: int) -> None:
    for boot in [key for key, known in gateway.boots.items() if minute_ms - known.seen_ms >= BOOT_KEPT_MS]:
        del gateway.boots[boot]


def _evidence(target: TargetState, oldest_ms: int) -> None:
    for gateway in list(target.evidence):
        lists = target.evidence[gateway]
        for shape in list(lists):
            evidence = lists[shape]
            tripped = evidence.tripped_ms is not None and evidence.tripped_ms >= oldest_ms
            if not tripped and (not evidence.runs or evidence.runs[-1][0] < oldest_ms):
                del lists[shape]
        if not lists:
            del target.evidence[gateway]
