"""evolve: one recorded event into the state; total, deterministic, and the only way the state changes.

Rule: it never raises and never refuses, since what is recorded has happened. First time passes to the
record's moment, then the event is applied. A batch of decisions is held back until its last record came, so
no reader ever stands inside one. Read the modules it names for what each event does.
"""

from collections.abc import Callable
from typing import Any, Final

from interlock_domain import events
from interlock_domain.projection import catalog, failures, gateways, operators, order, successes
from interlock_domain.projection.deadlines import pass_time
from interlock_domain.projection.effects import Effect
from interlock_domain.projection.state import State
from interlock_domain.projection.step import Step
from interlock_domain.recorded import RecordedEvent

_Apply = Callable[[Step, Any], None]

_DECISIONS: Final[dict[type, _Apply]] = {
    events.ConfigApplied: catalog.config_applied,
    events.PolicySet: catalog.policy_set,
    events.ProviderDefined: catalog.provider_defined,
    events.ProviderRemoved: catalog.provider_removed,
    events.TargetDefined: catalog.target_defined,
    events.TargetRemoved: catalog.target_removed,
    events.PoolDefined: catalog.pool_defined,
    events.PoolRemoved: catalog.pool_removed,
    events.GatewayKeyDefined: catalog.gateway_key_defined,
    events.GatewayKeyRevoked: catalog.gateway_key_revoked,
    events.ProviderStateSet: operators.provider_state_set,
    events.TargetStateSet: operators.target_state_set,
    events.PoolStateSet: operators.pool_state_set,
    events.MemberStateSet: operators.member_state_set,
    events.CooldownSet: operators.cooldown_set,
    events.CooldownLifted: operators.cooldown_lifted,
    events.CredentialQuarantined: operators.credential_quarantined,
    events.CredentialReleased: operators.credential_released,
}
_FACTS: Final[dict[type, _Apply]] = {
    events.AttemptFailed: failures.attempt_failed,
    events.AttemptSucceeded: successes.attempt_succeeded,
    events.SuccessesCounted: successes.successes_counted,
    events.GatewayReported: gateways.gateway_reported,
    events.SnapshotRejected: gateways.snapshot_rejected,
}


def evolve(state: State, recorded: RecordedEvent) -> tuple[Effect, ...]:
    """Fold one record into the state that the caller owns; returns what was observed."""
    staged = state.staged
    if recorded.position <= (staged[-1].position if staged else state.position):
        return ()
    if staged:
        return _evolve_staged(state, recorded)
    if recorded.batch is not None and order.begins_batch(state, recorded):
        staged.append(recorded)
        return ()
    admitted = type(recorded.event) in _FACTS or order.admit_unit(state, (recorded,))
    return _apply(state, recorded, admitted=admitted)


def _evolve_staged(state: State, recorded: RecordedEvent) -> tuple[Effect, ...]:
    staged = state.staged
    if order.shows_torn(state, recorded):
        return (*_flush(state), *evolve(state, recorded))
    staged.append(recorded)
    return _flush(state) if order.completes(recorded, staged[0]) else ()


def _flush(state: State) -> tuple[Effect, ...]:
    records, state.staged = state.staged, []
    unit = [r for r in records if order.is_part(r, records[0])]
    admitted = order.admit_unit(state, unit)
    return tuple(effect for r in records for effect in _apply(state, r, admitted=admitted))


def _apply(state: State, recorded: RecordedEvent, *, admitted: bool) -> tuple[Effect, ...]:
    before_ms = state.clock.now_ms
    now_ms = state.clock.advance(recorded.recorded_ms)
    state.position = recorded.position
    step = Step(state, recorded, before_ms)
    if now_ms >= state.next_due_ms:
        pass_time(step)
    kind = type(recorded.event)
    fact = _FACTS.get(kind)
    if fact is not None:
        if order.admit_fact(step):
            fact(step, recorded.event)
    elif admitted and not order.is_known(state, recorded):
        decision = _DECISIONS.get(kind)
        if decision is not None:
            if recorded.version is not None:
                state.versions[recorded.stream] = recorded.version
            decision(step, recorded.event)
    return tuple(step.effects)
