"""Failures: joined to the evidence of their gateway, then judged.

Rule: a failure is judged once, when it is folded: first what upstream stated, then the verdict on what waits
half-open, then the trip rule and the quorum. While something rests, only a stated time may change it. A
same-target retry (try > 1) is neither an attempt nor a strike, since it follows from the failure before it.
Dropped: judging at ticks, because a cooldown would then open from old evidence while nothing happens.
"""

from msgspec import Struct

from interlock_domain.catalog.policy import TargetPolicy
from interlock_domain.events import AttemptFailed
from interlock_domain.health.classes import ClassRule, Judged, answered, judged_on, opens_on, rule_of
from interlock_domain.health.cooldown import jittered_ms, ladder_of, length_ms, stated_left_ms
from interlock_domain.health.evidence import PRUNE_AT, Evidence, add, mark, marked, prune
from interlock_domain.health.quorum import enough
from interlock_domain.health.trip import trips
from interlock_domain.projection.refusals import refused
from interlock_domain.projection.rests import (
    extend_learned,
    is_judged,
    is_verdict,
    level_of,
    open_learned,
    phases,
    target_key,
)
from interlock_domain.projection.state import TargetState, policy_of
from interlock_domain.projection.step import Step
from interlock_domain.projection.successes import append, succeed
from interlock_domain.rows import CooldownPhase, CooldownRow
from interlock_domain.words import ALL_SHAPES, EffectKind, Provenance


class _Case(Struct):
    """A failure and what it is judged by; `judged` names the list, `opens` what a cooldown would cover."""

    event: AttemptFailed
    target: TargetState
    rule: ClassRule
    policy: TargetPolicy
    judged: str
    opens: str


def attempt_failed(step: Step, event: AttemptFailed) -> None:
    """Fold one failed attempt; a target without state (A7) has no memory to change."""
    target = step.state.targets.get(event.target)
    if target is None:
        return
    case = _Case(
        event,
        target,
        rule_of(event.failure),
        policy_of(step.state, event.target),
        judged_on(event.failure, event.phase, event.shape),
        opens_on(event.failure, event.phase, event.shape),
    )
    if event.ok_before > 0:
        succeed(step, event.target, case.judged, event.ok_before)
    target.failed += 1
    if event.try_ == 1:
        _join(step, case)
    if step.late or case.rule.judged is Judged.NONE:
        return
    if case.rule.judged is Judged.RUN:
        refused(step, event, target, case.rule)
    else:
        _judge(step, case)


def _join(step: Step, case: _Case) -> None:
    event = case.event
    lists = case.target.evidence.setdefault(step.gateway, {})
    if _is_strike(case):
        evidence = lists.setdefault(case.judged, Evidence())
        add(evidence.runs, step.at_ms, -1)
        mark(evidence, step.at_ms, step.recorded.position)
        if len(evidence.runs) > PRUNE_AT:
            prune(evidence.runs, case.policy.cooldown)
    if case.judged != ALL_SHAPES and answered(event.failure, event.phase, event.status):
        append(step, event.target, lists, ALL_SHAPES, 1)


def _is_strike(case: _Case) -> bool:
    if case.rule.judged is Judged.STATED:
        return case.event.retry_after_ms is None and not case.rule.at_once
    return case.rule.judged is Judged.STRIKE


def _judge(step: Step, case: _Case) -> None:
    event = case.event
    failed_probe = _failed_probes(step, case)
    stated_ms = _stated_ms(step, case)
    if stated_ms > 0:
        _rest_as_stated(step, case, stated_ms)
        failed_probe.discard(case.opens)
    for shape in sorted(failed_probe):
        _rest(step, case, shape, (step.recorded.position,))
    if event.retry_after_ms is not None and case.rule.judged is Judged.STATED:
        return
    if case.opens in failed_probe or not is_judged(step, event.target, case.target, case.opens):
        return
    if case.rule.at_once:
        _rest(step, case, case.opens, (step.recorded.position,))
    elif event.try_ == 1:
        _judge_trip(step, case)


def _stated_ms(step: Step, case: _Case) -> int:
    if case.rule.judged is not Judged.STATED or case.event.retry_after_ms is None:
        return 0
    return stated_left_ms(case.event.retry_after_ms, step.now_ms - step.at_ms, case.policy.cooldown)


def _failed_probes(step: Step, case: _Case) -> set[str]:
    """The shapes that wait half-open and for which this failure is the verdict."""
    event, target = case.event, case.target
    began_ms = step.at_ms - max(0, event.elapsed_ms)
    return {
        row.shape
        for rows in (target.learned, target.operator)
        for row in (rows.get(event.shape), rows.get(ALL_SHAPES))
        if row is not None
        and is_verdict(step, row, began_ms, probe=event.probe)
        and CooldownPhase.COOLING not in phases(step, event.target, target, row.shape)
    }


def _rest_as_stated(step: Step, case: _Case, length: int) -> None:
    target, shape, until_ms = case.target, case.opens, step.now_ms + length
    running = target.learned.get(shape)
    cooling = running is not None and step.now_ms < running.until_ms
    if running is not None and cooling and until_ms <= running.until_ms:
        return
    row = CooldownRow(
        shape=shape,
        provenance=Provenance.STATED,
        opened_ms=running.opened_ms if running is not None and cooling else step.now_ms,
        until_ms=until_ms,
        failure=case.event.failure,
        level=running.level if running is not None and cooling else level_of(step, target, shape),
        evidence=(*(running.evidence if running is not None and cooling else ()), step.recorded.position),
    )
    if cooling:
        extend_learned(step, case.event.target, target, row)
    else:
        open_learned(step, case.event.target, target, row)


def _rest(step: Step, case: _Case, shape: str, evidence: tuple[int, ...]) -> None:
    """Our own judgement: the next rung of the ladder."""
    level = level_of(step, case.target, shape)
    length = length_ms(ladder_of(case.rule, case.policy.cooldown), level)
    row = CooldownRow(
        shape=shape,
        provenance=Provenance.HEURISTIC,
        opened_ms=step.now_ms,
        until_ms=step.now_ms + jittered_ms(length, case.event.target, step.recorded.position),
        failure=case.event.failure,
        level=level,
        evidence=evidence,
    )
    open_learned(step, case.event.target, case.target, row)


def _judge_trip(step: Step, case: _Case) -> None:
    policy = case.policy.cooldown
    evidence = case.target.evidence[step.gateway][case.judged]
    if not trips(evidence.runs, policy):
        return
    again = _is_tripped(step, evidence, policy.window_ms)
    evidence.tripped_ms = step.now_ms
    tripped, contradicted = _witnesses(step, case)
    positions = tuple(sorted(p for e in tripped for p in marked(e, policy)))
    if enough(case.policy.quorum, len(tripped), contradicted=contradicted):
        _rest(step, case, case.opens, positions)
    elif not again:
        step.observe(
            EffectKind.QUORUM_MISSING,
            target_key(case.event.target),
            shape=case.opens,
            failure=case.event.failure,
            evidence=positions,
        )


def _witnesses(step: Step, case: _Case) -> tuple[list[Evidence], bool]:
    """Who tripped on this list within the window, and whether another live gateway succeeds there."""
    window_ms = case.policy.cooldown.window_ms
    tripped: list[Evidence] = []
    contradicted = False
    for gateway, lists in case.target.evidence.items():
        evidence = lists.get(case.judged)
        if evidence is None:
            continue
        if _is_tripped(step, evidence, window_ms):
            tripped.append(evidence)
        elif evidence.runs and _is_live(step, gateway):
            at_ms, n = evidence.runs[-1]
            contradicted = contradicted or (n > 0 and step.now_ms - at_ms <= window_ms)
    return tripped, contradicted


def _is_live(step: Step, gateway: str) -> bool:
    known = step.state.gateways.get(gateway)
    return known is not None and known.live


def _is_tripped(step: Step, evidence: Evidence, window_ms: int) -> bool:
    return evidence.tripped_ms is not None and step.now_ms - evidence.tripped_ms <= window_ms
