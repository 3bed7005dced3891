"""Cooldowns of a target in the state: opened, extended, ended, returned and cleared.

Rule: a target has at most one learned and one operator rest per shape (`*` is a shape of its own); opening or
ending one empties the lists it was judged on, `*` those of every shape. What operators asked for stands
beside what was learned, so neither shortens the other. Dropped: one merged rest per shape, which lost who
had asked for what as soon as the longer of the two ended.
"""

from typing import Final

from msgspec.structs import replace

from interlock_domain.health.cooldown import CALM_MS, next_level
from interlock_domain.projection.state import Calm, TargetState, policy_of
from interlock_domain.projection.step import Step
from interlock_domain.rows import CooldownPhase, CooldownRow, cooldown_phase
from interlock_domain.words import ALL_SHAPES, EffectKind, EndedWhy, Provenance

RESTING: Final = frozenset((CooldownPhase.COOLING, CooldownPhase.HALF_OPEN))


def target_key(target: str) -> str:
    """The row key of a target."""
    return f"target/{target}"


def phases(step: Step, name: str, target: TargetState, shape: str) -> set[CooldownPhase]:
    """The phases of what rests this shape; empty when nothing does."""
    policy = policy_of(step.state, name).half_open
    rows = (target.learned.get(shape), target.operator.get(shape))
    return {cooldown_phase(row, policy, step.now_ms) for row in rows if row is not None}


def is_judged(step: Step, name: str, target: TargetState, shape: str) -> bool:
    """May a trip of this shape open anything? Not while it, or all shapes, wait for their return."""
    if RESTING & phases(step, name, target, shape):
        return False
    return CooldownPhase.COOLING not in phases(step, name, target, ALL_SHAPES)


def level_of(step: Step, target: TargetState, shape: str) -> int:
    """The level of a cooldown that would open now."""
    row = target.learned.get(shape)
    if row is not None and row.returned_ms is None:
        return row.level + 1
    calm = target.calm.get(shape)
    return next_level(calm.level, calm.returned_ms, step.now_ms) if calm is not None else 0


def open_learned(step: Step, name: str, target: TargetState, row: CooldownRow) -> None:
    """A learned rest begins, or begins anew one level up."""
    shape = row.shape
    over = target.operator.get(shape)
    if over is not None and over.until_ms <= step.now_ms:
        # The operator's time was over and the way back failed: the rest from here on is our own judgement.
        del target.operator[shape]
        _ended(step, name, over, EndedWhy.EXPIRED)
    target.learned[shape] = row
    _began(step, name, target, row)


def extend_learned(step: Step, name: str, target: TargetState, row: CooldownRow) -> None:
    """A longer time than the running one; opened when it was."""
    target.learned[row.shape] = row
    step.touch(target_key(name))
    step.schedule(target_key(name), row.until_ms)
    _observed(step, name, EffectKind.COOLDOWN_EXTENDED, row)


def open_operator(step: Step, name: str, target: TargetState, row: CooldownRow) -> None:
    """An operator rests the shape; his newest word replaces his older one."""
    running = target.operator.get(row.shape)
    target.operator[row.shape] = row
    if running is not None and running.until_ms > step.now_ms:
        _began(step, name, target, row, EffectKind.COOLDOWN_EXTENDED)
    else:
        _began(step, name, target, row)


def _began(
    step: Step,
    name: str,
    target: TargetState,
    row: CooldownRow,
    kind: EffectKind = EffectKind.COOLDOWN_OPENED,
) -> None:
    forget_evidence(target, row.shape)
    step.touch(target_key(name))
    step.schedule(target_key(name), row.until_ms)
    _observed(step, name, kind, row)
    if row.until_ms <= step.now_ms:
        _observed(step, name, EffectKind.PROBE_WINDOW_OPENED, row)


def prove(step: Step, name: str, target: TargetState, shape: str, *, probe: bool) -> None:
    """A success: what waits half-open for it, of this shape or of all, is on its way back."""
    for waiting in (shape, ALL_SHAPES) if shape != ALL_SHAPES else (ALL_SHAPES,):
        for rows in (target.learned, target.operator):
            row = rows.get(waiting)
            if row is not None and is_verdict(step, row, step.at_ms, probe=probe):
                _return(step, name, target, rows, row)


def is_verdict(step: Step, row: CooldownRow, began_ms: int, *, probe: bool) -> bool:
    """Does evidence that began then end the half-open phase of this rest?"""
    if row.returned_ms is not None or step.now_ms < row.until_ms:
        return False
    return probe or began_ms >= row.until_ms


def _return(
    step: Step, name: str, target: TargetState, rows: dict[str, CooldownRow], row: CooldownRow
) -> None:
    ramp_ms = policy_of(step.state, name).half_open.ramp_ms
    shape, now, key = row.shape, step.now_ms, target_key(name)
    _ended(step, name, row, EndedWhy.SUCCESS)
    target.calm[shape] = Calm(row.level, now)
    step.schedule(key, now + (ramp_ms or CALM_MS))
    if ramp_ms > 0:
        rows[shape] = replace(row, returned_ms=now)
        step.observe(EffectKind.RAMP_STARTED, key, shape=shape, until_ms=now + ramp_ms)
    else:
        del rows[shape]
    forget_evidence(target, shape)
    step.touch(key)


def lift(step: Step, name: str, target: TargetState, shape: str) -> None:
    """An operator ends every rest of the shape (`*`: of all), and what led to it."""
    for rows in (target.learned, target.operator):
        for row in [row for row in rows.values() if shape in {row.shape, ALL_SHAPES}]:
            del rows[row.shape]
            _ended(step, name, row, EndedWhy.OPERATOR)
    for known in [known for known in target.calm if shape in {known, ALL_SHAPES}]:
        del target.calm[known]
    forget_evidence(target, shape)
    step.touch(target_key(name))
    if shape == ALL_SHAPES:
        back(step, name, target, EndedWhy.OPERATOR)


def clear_heuristic(step: Step, name: str, target: TargetState) -> None:
    """The target is another one now (credential, version, registration): what we only guessed is void."""
    for row in [r for r in target.learned.values() if r.provenance is Provenance.HEURISTIC]:
        del target.learned[row.shape]
        _ended(step, name, row, EndedWhy.REDEFINED)
    target.calm.clear()
    forget_evidence(target, ALL_SHAPES)
    step.touch(target_key(name))
    back(step, name, target, EndedWhy.REDEFINED)


def back(step: Step, name: str, target: TargetState, why: EndedWhy) -> None:
    """The target is found and permitted again, or somebody says so."""
    target.run.clear()
    if target.out is not None:
        failure = target.out.failure
        target.out = None
        step.touch(target_key(name))
        step.observe(EffectKind.TARGET_BACK, target_key(name), why=why, failure=failure)


def forget_evidence(target: TargetState, shape: str) -> None:
    """Empty the lists of the shape (`*`: of every shape) for every gateway."""
    for lists in target.evidence.values():
        for known, evidence in lists.items():
            if shape in {known, ALL_SHAPES}:
                evidence.clear()


def _ended(step: Step, name: str, row: CooldownRow, why: EndedWhy) -> None:
    returned = row.returned_ms is not None
    step.observe(
        EffectKind.RAMP_ENDED if returned else EffectKind.COOLDOWN_ENDED,
        target_key(name),
        shape=row.shape,
        why=why,
        provenance=row.provenance,
        failure=row.failure,
        level=row.level,
    )


def _observed(step: Step, name: str, kind: EffectKind, row: CooldownRow) -> None:
    step.observe(
        kind,
        target_key(name),
        shape=row.shape,
        provenance=row.provenance,
        failure=row.failure,
        until_ms=row.until_ms,
        level=row.level,
        evidence=row.evidence,
    )


def observe_window(step: Step, name: str, row: CooldownRow) -> None:
    """The time is over: the next fitting request of the slot's owner may try."""
    _observed(step, name, EffectKind.PROBE_WINDOW_OPENED, row)
