"""A configuration becomes the catalog: what it changes, as events, or why it may not.

Rule: ConfigApplied comes first, then only what differs; what operators set by hand is never touched.
Definitions come before what refers to them, removals the other way round, so that a reader who stops
between two records sees no dangling name.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.catalog.decided import Decided, Rejected, RejectedWhy, StreamEvents
from interlock_domain.catalog.declared import Declared
from interlock_domain.catalog.removal import removes_too_many
from interlock_domain.events import (
    ConfigApplied,
    Decision,
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
from interlock_domain.recorded import CONFIG_STREAM, POLICY_STREAM

T = TypeVar("T")


def apply_config(declared: Declared, command: ApplyConfig) -> Decided:
    """The events that make `command.config` the catalog; () when it is that already."""
    refused = _stale(declared, command) or _removal(declared, command)
    if refused is not None:
        return refused
    config = command.config
    applied = ConfigApplied(
        revision=declared.revision + 1,
        base_revision=declared.revision,
        digest=command.digest,
        origin=command.origin,
        # gateways check removals once more by this flag, so it also says that the demo may go
        allow_removal=command.allow_removal or declared.origin == "demo",
        retention=config.retention,
        alerts=config.alerts,
        admins=config.admins,
    )
    changes = _changes(declared, command)
    beside = (declared.digest, declared.origin, declared.retention, declared.alerts, declared.admins)
    same = beside == (command.digest, command.origin, config.retention, config.alerts, config.admins)
    if same and not changes:
        return ()
    return (StreamEvents(stream=CONFIG_STREAM, events=(applied,)), *changes)


def _stale(declared: Declared, command: ApplyConfig) -> Rejected | None:
    if command.base_revision is None or command.base_revision == declared.revision:
        return None
    return Rejected(
        reason=RejectedWhy.STALE_REVISION,
        message=f"revision {command.base_revision} is no longer the newest ({declared.revision} is)",
        hint="Run `interlock plan` again and look at what changed.",
    )


def _removal(declared: Declared, command: ApplyConfig) -> Rejected | None:
    """The demo may always be replaced; anything else loses many targets only when that is said."""
    if command.allow_removal or declared.origin == "demo":
        return None
    after = [target.id for target in command.config.targets]
    if not removes_too_many(declared.targets, after):
        return None
    gone = len(set(declared.targets).difference(after))
    return Rejected(
        reason=RejectedWhy.TOO_MANY_REMOVED,
        message=f"this removes {gone} of {len(declared.targets)} targets",
        hint="If that is meant, run it with --allow-removal.",
    )


def _changes(declared: Declared, command: ApplyConfig) -> tuple[StreamEvents, ...]:
    """What differs, definitions before what refers to them and removals the other way round."""
    config = command.config
    providers = {provider.name: provider for provider in config.providers}
    targets = {target.id: target for target in config.targets}
    pools = {pool.name: pool for pool in config.pools}
    keys = {key.name: key for key in config.keys}
    found: list[tuple[str, Decision]] = []
    if (config.policy, config.server) != (declared.policy, declared.server) or not declared.revision:
        found.append((POLICY_STREAM, PolicySet(policy=config.policy, server=config.server)))
    found += [
        (f"provider/{p.name}", ProviderDefined(provider=p)) for p in _new(declared.providers, providers)
    ]
    found += [(f"target/{t.id}", TargetDefined(target=t)) for t in _new(declared.targets, targets)]
    found += [(f"pool/{p.name}", PoolDefined(pool=p)) for p in _new(declared.pools, pools)]
    found += [(f"key/{k.name}", GatewayKeyDefined(key=k)) for k in _new(declared.keys, keys)]
    found += [(f"key/{name}", GatewayKeyRevoked(name=name)) for name in _gone(declared.keys, keys)]
    found += [(f"pool/{name}", PoolRemoved(pool=name)) for name in _gone(declared.pools, pools)]
    found += [(f"target/{name}", TargetRemoved(target=name)) for name in _gone(declared.targets, targets)]
    found += [
        (f"provider/{name}", ProviderRemoved(provider=name)) for name in _gone(declared.providers, providers)
    ]
    return tuple(StreamEvents(stream=stream, events=(event,)) for stream, event in found)


def _new(before: Mapping[str, T], after: Mapping[str, T]) -> Iterable[T]:
    return (entry for name, entry in after.items() if before.get(name) != entry)


def _gone(before: Iterable[str], after: Mapping[str, object]) -> Iterable[str]:
    return (name for name in before if name not in after)
