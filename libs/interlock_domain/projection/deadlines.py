"""What time alone changes: windows that open, ramps and states that end, gateways that fall silent.

Rule: a time transition belongs to the first record whose clock passes it, so it is a function of the log.
`due` holds lower bounds, so that a record costs one comparison while nothing is due; looking too early only
computes the next bound. Dropped: a heap of exact deadlines, because every report of every gateway moves one.
"""

from collections.abc import Callable
from typing import Final

from interlock_domain.health.cooldown import CALM_MS
from interlock_domain.projection.gateways import ACTIVE_MS, live_until_ms
from interlock_domain.projection.rests import observe_window, target_key
from interlock_domain.projection.state import SWEEP_KEY, State, TargetState, policy_of
from interlock_domain.projection.step import Step
from interlock_domain.projection.sweep import next_sweep_ms, sweep
from interlock_domain.rows import StateRow
from interlock_domain.words import EffectKind

_FAR: Final = 1 << 62


def pass_time(step: Step) -> None:
    """Apply what fell due between the record before and this one."""
    state, now = step.state, step.now_ms
    for key in sorted(key for key, at_ms in state.due.items() if at_ms <= now):
        kind, _, name = key.partition("/")
        following = _PASS[kind](step, name)
        if following is None:
            del state.due[key]
        else:
            state.due[key] = following
    state.next_due_ms = min(state.due.values(), default=_FAR)


def pending(state: State) -> bool:
    """Does anything that people watch wait for time: a cooldown, a ramp, an expiry?"""
    return any(_is_watched(state, key) for key in state.due)


def _is_watched(state: State, key: str) -> bool:
    kind, _, name = key.partition("/")
    rows: list[StateRow | None] = []
    if kind == "target" and (target := state.targets.get(name)) is not None:
        if target.learned or target.operator:
            return True
        rows = [target.state]
    elif kind == "provider" and (provider := state.providers.get(name)) is not None:
        rows = [provider.state]
    elif kind == "pool" and (pool := state.pools.get(name)) is not None:
        rows = [pool.state, *pool.members.values()]
    return any(row is not None and row.until_ms is not None for row in rows)


def _target(step: Step, name: str) -> int | None:
    target = step.state.targets.get(name)
    if target is None:
        return None
    following = [*_rests(step, name, target), *_calm(step, target)]
    target.state = _lasting(step, target.state, target_key(name), following)
    return min(following, default=None)


def _rests(step: Step, name: str, target: TargetState) -> list[int]:
    ramp_ms = policy_of(step.state, name).half_open.ramp_ms
    following = []
    for rows in (target.learned, target.operator):
        for shape, row in sorted(rows.items()):
            if row.until_ms > step.now_ms:
                following.append(row.until_ms)
            elif row.returned_ms is None:
                if row.until_ms > step.before_ms:
                    observe_window(step, name, row)
            elif step.now_ms < row.returned_ms + ramp_ms:
                following.append(row.returned_ms + ramp_ms)
            else:
                del rows[shape]
                step.touch(target_key(name))
                step.observe(EffectKind.RAMP_ENDED, target_key(name), shape=shape, level=row.level)
    return following


def _calm(step: Step, target: TargetState) -> list[int]:
    following = []
    for shape, calm in list(target.calm.items()):
        if step.now_ms >= calm.returned_ms + CALM_MS:
            del target.calm[shape]
        else:
            following.append(calm.returned_ms + CALM_MS)
    return following


def _provider(step: Step, name: str) -> int | None:
    provider = step.state.providers.get(name)
    if provider is None:
        return None
    following: list[int] = []
    provider.state = _lasting(step, provider.state, f"provider/{name}", following)
    return min(following, default=None)


def _pool(step: Step, name: str) -> int | None:
    pool = step.state.pools.get(name)
    if pool is None:
        return None
    key = f"pool/{name}"
    following: list[int] = []
    pool.state = _lasting(step, pool.state, key, following)
    for target, row in list(pool.members.items()):
        if _lasting(step, row, key, following) is None:
            del pool.members[target]
    for gateway, named_ms in list(pool.gateways.items()):
        if step.now_ms >= named_ms + ACTIVE_MS:
            del pool.gateways[gateway]
            step.touch(key)
        else:
            following.append(named_ms + ACTIVE_MS)
    return min(following, default=None)


def _gateway(step: Step, name: str) -> int | None:
    gateway = step.state.gateways.get(name)
    if gateway is None or not gateway.live:
        return None
    until_ms = live_until_ms(gateway)
    if until_ms > step.now_ms:
        return until_ms
    gateway.live = False
    step.observe(EffectKind.GATEWAY_LOST, f"gateway/{name}")
    return None


def _sweep(step: Step, _: str) -> int:
    sweep(step.state, step.now_ms)
    return next_sweep_ms(step.now_ms)


def _lasting(step: Step, row: StateRow | None, key: str, following: list[int]) -> StateRow | None:
    """The row while it lasts; its end goes into `following`."""
    if row is None or row.until_ms is None:
        return row
    if step.now_ms < row.until_ms:
        following.append(row.until_ms)
        return row
    step.touch(key)
    step.observe(EffectKind.STATE_EXPIRED, key, until_ms=row.until_ms, evidence=(row.position,))
    return None


_PASS: Final[dict[str, Callable[[Step, str], int | None]]] = {
    "target": _target,
    "provider": _provider,
    "pool": _pool,
    "gateway": _gateway,
    SWEEP_KEY: _sweep,
}
