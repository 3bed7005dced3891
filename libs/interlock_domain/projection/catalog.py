"""Decisions about what exists: configuration, policy, providers, targets, pools and keys.

Rule: what operators decided and what was learnt survive a new definition; what was only guessed does not
survive a new identity (software version, upstream model, base URL) or an explicit registration of what was
there already: a configuration implies no event for what it leaves as it is. Removing forgets everything.
"""

from interlock_domain.events import (
    ConfigApplied,
    GatewayKeyDefined,
    GatewayKeyRevoked,
    PolicySet,
    PoolDefined,
    PoolRemoved,
    ProviderDefined,
    ProviderRemoved,
    TargetDefined,
    TargetRemoved,
)
from interlock_domain.projection.rests import clear_heuristic, target_key
from interlock_domain.projection.state import PoolState, ProviderState, TargetState
from interlock_domain.projection.step import Step
from interlock_domain.rows import CATALOG_KEY


def config_applied(step: Step, event: ConfigApplied) -> None:
    """The revision's own facts; what it implies follows as events of their own."""
    catalog = step.state.catalog
    catalog.revision = event.revision
    catalog.digest = event.digest
    catalog.origin = event.origin
    catalog.allow_removal = event.allow_removal
    catalog.retention = event.retention
    catalog.alerts = event.alerts
    catalog.admins = event.admins
    step.touch(CATALOG_KEY)


def policy_set(step: Step, event: PolicySet) -> None:
    """A new policy moves deadlines that were computed from the old one."""
    step.state.catalog.policy = event.policy
    step.state.catalog.server = event.server
    for name in step.state.targets:
        _look_again(step, name)
    step.touch(CATALOG_KEY)


def provider_defined(step: Step, event: ProviderDefined) -> None:
    """A provider is new or changed."""
    provider, state = event.provider, step.state
    known = state.catalog.providers.get(provider.name)
    state.catalog.providers[provider.name] = provider
    state.providers.setdefault(provider.name, ProviderState())
    if known is not None and known.base_url != provider.base_url:
        clear_provider(step, provider.name)
    step.touch(CATALOG_KEY)


def clear_provider(step: Step, provider: str) -> None:
    """Everything guessed about a provider's targets is void."""
    for name, target in step.state.targets.items():
        if target.provider == provider:
            clear_heuristic(step, name, target)


def provider_removed(step: Step, event: ProviderRemoved) -> None:
    """With it goes what no config had declared of it."""
    state = step.state
    state.catalog.providers.pop(event.provider, None)
    state.providers.pop(event.provider, None)
    state.refusals.pop(event.provider, None)
    for name in [n for n, t in state.targets.items() if t.provider == event.provider and not t.declared]:
        _forget_target(step, name)
    step.touch(f"provider/{event.provider}")
    step.touch(CATALOG_KEY)


def target_defined(step: Step, event: TargetDefined) -> None:
    """A target is new, changed, or registered once more."""
    defined, state = event.target, step.state
    known = state.catalog.targets.get(defined.id)
    state.catalog.targets[defined.id] = defined
    target = state.targets.get(defined.id)
    if target is None:
        target = state.targets[defined.id] = TargetState(provider=defined.provider, declared=True)
    target.declared = True
    target.provider = defined.provider
    renewed = known is not None and (
        known == defined
        or known.software_version != defined.software_version
        or known.upstream_model != defined.upstream_model
    )
    if renewed:
        clear_heuristic(step, defined.id, target)
    _look_again(step, defined.id)
    step.touch(CATALOG_KEY)


def target_removed(step: Step, event: TargetRemoved) -> None:
    """Nothing of it stays."""
    step.state.catalog.targets.pop(event.target, None)
    _forget_target(step, event.target)
    step.touch(CATALOG_KEY)


def pool_defined(step: Step, event: PoolDefined) -> None:
    """Members that left take their state with them."""
    pool, state = event.pool, step.state
    state.catalog.pools[pool.name] = pool
    known = state.pools.setdefault(pool.name, PoolState())
    members = {member.target for member in pool.members}
    for gone in known.members.keys() - members:
        del known.members[gone]
        step.touch(f"pool/{pool.name}")
    step.touch(CATALOG_KEY)


def pool_removed(step: Step, event: PoolRemoved) -> None:
    """Nothing of it stays."""
    step.state.catalog.pools.pop(event.pool, None)
    step.state.pools.pop(event.pool, None)
    step.touch(f"pool/{event.pool}")
    step.touch(CATALOG_KEY)


def gateway_key_defined(step: Step, event: GatewayKeyDefined) -> None:
    """A gateway key is new or changed."""
    step.state.catalog.keys[event.key.name] = event.key
    step.touch(CATALOG_KEY)


def gateway_key_revoked(step: Step, event: GatewayKeyRevoked) -> None:
    """A gateway key opens nothing any more."""
    step.state.catalog.keys.pop(event.name, None)
    step.touch(CATALOG_KEY)


def _look_again(step: Step, name: str) -> None:
    target = step.state.targets[name]
    if target.learned or target.operator:
        step.schedule(target_key(name), step.now_ms)


def _forget_target(step: Step, name: str) -> None:
    step.state.targets.pop(name, None)
    step.touch(target_key(name))
