"""Decisions of operators about what is there: states, cooldowns, and the quarantine of a credential.

Rule: an operator's word about something that does not exist changes nothing, because the fold never refuses;
refusing is the command's business. A target of a declared provider exists once an operator speaks of it.
"""

from interlock_domain.catalog.target import split_target_id
from interlock_domain.events import (
    CooldownLifted,
    CooldownSet,
    CredentialQuarantined,
    CredentialReleased,
    MemberStateSet,
    PoolStateSet,
    ProviderStateSet,
    TargetStateSet,
)
from interlock_domain.projection.rests import lift, open_operator, target_key
from interlock_domain.projection.state import TargetState
from interlock_domain.projection.step import Step
from interlock_domain.rows import CooldownRow, QuarantineRow, StateRow
from interlock_domain.words import AdminState, Provenance

_StateSet = ProviderStateSet | TargetStateSet | PoolStateSet | MemberStateSet


def provider_state_set(step: Step, event: ProviderStateSet) -> None:
    """Enable, disable or drain a provider."""
    provider = step.state.providers.get(event.provider)
    if provider is not None:
        provider.state = _state_row(step, event, f"provider/{event.provider}")


def target_state_set(step: Step, event: TargetStateSet) -> None:
    """Enable, disable or drain a target everywhere."""
    target = _target(step, event.target)
    if target is not None:
        target.state = _state_row(step, event, target_key(event.target))


def pool_state_set(step: Step, event: PoolStateSet) -> None:
    """Enable, disable or drain a pool."""
    pool = step.state.pools.get(event.pool)
    if pool is not None:
        pool.state = _state_row(step, event, f"pool/{event.pool}")


def member_state_set(step: Step, event: MemberStateSet) -> None:
    """Enable, disable or drain one pool's candidate only."""
    pool = step.state.pools.get(event.pool)
    declared = step.state.catalog.pools.get(event.pool)
    if pool is None or declared is None or event.target not in {m.target for m in declared.members}:
        return
    row = _state_row(step, event, f"pool/{event.pool}")
    pool.members.pop(event.target, None)
    if row is not None:
        pool.members[event.target] = row


def cooldown_set(step: Step, event: CooldownSet) -> None:
    """Rest a target for a while."""
    target = _target(step, event.target)
    if target is not None:
        row = CooldownRow(
            shape=event.shape,
            provenance=Provenance.OPERATOR,
            opened_ms=step.now_ms,
            until_ms=step.now_ms + max(0, event.duration_ms),
            evidence=(step.recorded.position,),
            actor=step.recorded.actor,
            reason=step.recorded.reason,
        )
        open_operator(step, event.target, target, row)


def cooldown_lifted(step: Step, event: CooldownLifted) -> None:
    """Bring a target back at once."""
    target = step.state.targets.get(event.target)
    if target is not None:
        lift(step, event.target, target, event.shape)


def credential_quarantined(step: Step, event: CredentialQuarantined) -> None:
    """The control plane took a suspicion for true."""
    provider = step.state.providers.get(event.provider)
    if provider is not None:
        provider.quarantines[event.fingerprint] = QuarantineRow(
            fingerprint=event.fingerprint,
            failure=event.failure,
            since_ms=step.now_ms,
            recheck_at_ms=step.now_ms + event.recheck_ms,
            recheck_ms=event.recheck_ms,
            evidence=event.evidence,
        )
        step.touch(f"provider/{event.provider}")


def credential_released(step: Step, event: CredentialReleased) -> None:
    """The credential is good again, or somebody says so."""
    provider = step.state.providers.get(event.provider)
    if provider is not None and provider.quarantines.pop(event.fingerprint, None) is not None:
        step.touch(f"provider/{event.provider}")


def _target(step: Step, name: str) -> TargetState | None:
    state, provider = step.state, split_target_id(name)[0]
    if name not in state.targets and provider in state.catalog.providers:
        state.targets[name] = TargetState(provider=provider, declared=False)
    return state.targets.get(name)


def _state_row(step: Step, event: _StateSet, key: str) -> StateRow | None:
    """Enabled is the absence of a row."""
    step.touch(key)
    if event.state is AdminState.ENABLED:
        return None
    until_ms = None if event.expires_in_ms is None else step.now_ms + max(0, event.expires_in_ms)
    if until_ms is not None:
        step.schedule(key, until_ms)
    return StateRow(
        state=event.state,
        until_ms=until_ms,
        actor=step.recorded.actor,
        reason=step.recorded.reason,
        position=step.recorded.position,
    )
