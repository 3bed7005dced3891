"""Refusals of a whole target or credential: runs in the state, and what a failed recheck means.

Rule: a target that is not found or not permitted goes out by the fold; a credential only becomes suspect,
because a quarantine must outlive the log and is therefore a decision of the control plane. One reporter is
enough for both: a refusal is certain, whoever hears it.
"""

from msgspec.structs import replace

from interlock_domain.events import AttemptFailed
from interlock_domain.health.classes import ClassRule, Scope, rule_of
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
    fingerprint = fingerprint_of(step.boot, target.provider)
    if provider is not None and fingerprint:
        _credential_refused(step, event, provider, (target.provider, fingerprint), refusal)


def _target_refused(step: Step, event: AttemptFailed, target: TargetState, refusal: Refusal) -> None:
    key, out = target_key(event.target), target.out
    if out is not None:
        if event.probe or step.at_ms - max(0, event.elapsed_ms) >= out.recheck_at_ms:
            target.out = replace(out, recheck_at_ms=step.now_ms + out.recheck_ms)
            step.touch(key)
        return
    target.run = joined(target.run, refusal, policy_of(step.state, event.target).cooldown.window_ms)
    if not is_long_enough(target.run, target.ok_ms, step.now_ms):
        return
    recheck_ms = rule_of(event.failure).recheck_ms
    evidence = tuple(r.position for r in target.run)
    target.out = OutRow(
        failure=event.failure,
        since_ms=step.now_ms,
        recheck_at_ms=step.now_ms + recheck_ms,
        recheck_ms=recheck_ms,
        evidence=evidence,
    )
    step.touch(key)
    step.observe(
        EffectKind.TARGET_OUT,
        key,
        failure=event.failure,
        until_ms=target.out.recheck_at_ms,
        evidence=evidence,
    )


def _credential_refused(
    step: Step, event: AttemptFailed, provider: ProviderState, credential: tuple[str, str], refusal: Refusal
) -> None:
    name, fingerprint = credential
    row = provider.quarantines.get(fingerprint)
    if row is not None:
        if event.probe or step.at_ms - max(0, event.elapsed_ms) >= row.recheck_at_ms:
            provider.quarantines[fingerprint] = replace(row, recheck_at_ms=step.now_ms + row.recheck_ms)
            step.touch(f"provider/{name}")
        return
    runs = step.state.refusals.setdefault(name, {})
    run = joined(runs.get(fingerprint, []), refusal, policy_of(step.state, event.target).cooldown.window_ms)
    if not is_long_enough(run, _last_ok_ms(step, name, fingerprint), step.now_ms):
        runs[fingerprint] = run
        return
    runs.pop(fingerprint, None)
    if not runs:
        del step.state.refusals[name]
    step.observe(
        EffectKind.CREDENTIAL_SUSPECT,
        f"provider/{name}",
        fingerprint=fingerprint,
        failure=event.failure,
        evidence=tuple(r.position for r in run),
    )


def _last_ok_ms(step: Step, provider: str, fingerprint: str) -> int | None:
    """The last success of any boot that uses the credential."""
    return max(
        (
            boot.ok_ms[provider]
            for gateway in step.state.gateways.values()
            for boot in gateway.boots.values()
            if provider in boot.ok_ms and fingerprint_of(boot, provider) == fingerprint
        ),
        default=None,
    )
