"""Refusals of a whole target or credential: runs in the state, and what a failed recheck means.

Rule: a target that is not found or not permitted goes out by the fold; a credential only becomes suspect,
because a quarantine must outlive the log and is therefore a decision of the control plane. One reporter is
enough for both: a refusal is certain, whoever hears it.
"""

from msgspec.structs import replace

from interlock_domain.events import AttemptFailed
from interlock_domain.health.classes import ClassRule, Scope
from interlock_domain.health.runs import Refusal, is_long_enough, joined
from interlock_domain.projection.rests import target_key
from interlock_domain.projection.state import ProviderState, TargetState, policy_of
from interlock_domain.projection.step import Step
from interlock_domain.projection.successes import fingerprint_of
from interlock_domain.rows import OutRow
from interlock_domain.words import EffectKind


def refused(step: Step, event: AttemptFailed, target: TargetState, rule: ClassRule) -> None:
    """Fold a refusal by the scope of its class."""
    refusal = Refusal(event.request, step.at_ms, step.recorded.position)
    if rule.scope is Scope.TARGET:
        _target_refused(step, event, target, refusal)
        return
    provider = step.state.providers.get(target.provider)
    if provider is not None and step.boot is not None:
        fingerprint = fingerprint_of(step.boot, target.provider)
        if fingerprint:
            _credential_refused(step, event, provider, (target.provider, fingerprint), refusal)
