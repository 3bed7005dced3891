"""Successes: the hot loop of the fold, and what a success ends.

Rule: every success of any shape also speaks for `*`. While a (target, shape) is closed a success is only
appended; it ends what waits half-open for it, a run of refusals, and a target's being out. A healthy row
costs two list appends and six dictionary reads, which is why it reads the state itself.
"""

from typing import Final

from interlock_domain.catalog.target import split_target_id
from interlock_domain.events import AttemptSucceeded, SuccessesCounted
from interlock_domain.health.evidence import PRUNE_AT, Evidence, add, prune
from interlock_domain.projection.rests import back, prove, target_key
from interlock_domain.projection.state import BootState, TargetState, policy_of
from interlock_domain.projection.step import Step
from interlock_domain.words import ALL_SHAPES, EffectKind, EndedWhy

UNDECLARED_KEPT: Final = 200
"""Targets per provider that no config declares (architecture.md): names come from clients, memory is ours."""


def attempt_succeeded(step: Step, event: AttemptSucceeded) -> None:
    """A success told at once, because the gateway's view was not clean or it was a probe."""
    succeed(step, event.target, event.shape, 1)
    target = step.state.targets.get(event.target)
    if event.probe and target is not None and not step.late:
        prove(step, event.target, target, event.shape, probe=True)
        _prove_credential(step, target.provider)


def successes_counted(step: Step, event: SuccessesCounted) -> None:
    """The successes of a second."""
    for row in event.rows:
        if row.count > 0:
            succeed(step, row.target, row.shape, row.count)


def succeed(step: Step, name: str, shape: str, n: int) -> None:
    """n successes on (target, shape) at the step's evidence time; `*`: of shapes unknown."""
    target = step.state.targets.get(name) or _admit(step, name)
    if target is None:
        return
    lists = target.evidence.get(step.gateway)
    if lists is None:
        lists = target.evidence[step.gateway] = {}
    at_ms = step.at_ms
    if shape != ALL_SHAPES:
        append(step, name, lists, shape, n)
    append(step, name, lists, ALL_SHAPES, n)
    target.ok += n
    if target.ok_ms is None or at_ms > target.ok_ms:
        target.ok_ms = at_ms
    step.boot.ok_ms[target.provider] = at_ms
    if target.learned or target.operator or target.out or target.run or step.state.refusals:
        _end(step, name, target, shape)


def append(step: Step, name: str, lists: dict[str, Evidence], shape: str, n: int) -> None:
    """Add successes to one list."""
    evidence = lists.get(shape)
    if evidence is None:
        evidence = lists[shape] = Evidence()
    evidence.tripped_ms = None
    runs = evidence.runs
    add(runs, step.at_ms, n)
    if len(runs) > PRUNE_AT:
        prune(runs, policy_of(step.state, name).cooldown)


def _end(step: Step, name: str, target: TargetState, shape: str) -> None:
    if step.late:
        return
    prove(step, name, target, shape, probe=False)
    if target.out is None:
        target.run.clear()
    elif step.at_ms >= target.out.since_ms:
        back(step, name, target, EndedWhy.SUCCESS)
    runs = step.state.refusals.get(target.provider)
    if runs is not None:
        runs.pop(fingerprint_of(step.boot, target.provider), None)
        if not runs:
            del step.state.refusals[target.provider]


def _prove_credential(step: Step, provider: str) -> None:
    known = step.state.providers.get(provider)
    if known is None:
        return
    row = known.quarantines.get(fingerprint_of(step.boot, provider))
    if row is not None:
        step.observe(
            EffectKind.CREDENTIAL_PROVED,
            f"provider/{provider}",
            fingerprint=row.fingerprint,
            failure=row.failure,
            evidence=(step.recorded.position,),
        )


def fingerprint_of(boot: BootState, provider: str) -> str:
    """The credential that this boot uses at a provider; empty when it has none."""
    return boot.report.fingerprints.get(provider, "") if boot.report is not None else ""


def _admit(step: Step, name: str) -> TargetState | None:
    """A target that no config declares begins to exist with its first success (A7)."""
    state, provider = step.state, split_target_id(name)[0]
    if provider not in state.catalog.providers:
        return None
    _make_room(step, provider)
    target = state.targets[name] = TargetState(provider=provider, declared=False)
    return target


def _make_room(step: Step, provider: str) -> None:
    """Forget the undeclared target that succeeded longest ago; what operators said of one stays."""
    undeclared = [
        (target.ok_ms or 0, name)
        for name, target in step.state.targets.items()
        if not (target.declared or target.state or target.operator) and target.provider == provider
    ]
    if len(undeclared) >= UNDECLARED_KEPT:
        oldest = min(undeclared)[1]
        del step.state.targets[oldest]
        step.touch(target_key(oldest))
