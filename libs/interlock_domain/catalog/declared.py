"""What is declared now: the catalog as decisions have made it, which commands are decided against.

Rule: `evolve_declared` is total and pure; each step is a new value, because decisions are rare and
readers keep what they hold. It ignores facts and operator states: those live in the projection.
"""

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from interlock_domain.catalog.config import Config
from interlock_domain.catalog.key import Admin, Alert, GatewayKey
from interlock_domain.catalog.policy import Policy, Retention, ServerLimits
from interlock_domain.catalog.pool import Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target
from interlock_domain.events import (
    ConfigApplied,
    Event,
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

T = TypeVar("T")


class Declared(Struct, frozen=True, kw_only=True):
    """The catalog at one moment; entries in the order in which they were first defined."""

    revision: int = 0
    digest: str = ""
    origin: str = ""
    """Of the newest revision: file, api or demo; empty when nothing was ever applied."""
    file_digest: str = ""
    """Of the last revision that came from a file: a start applies the file only when this differs."""
    providers: dict[str, Provider] = {}
    targets: dict[str, Target] = {}
    pools: dict[str, Pool] = {}
    policy: Policy = Policy()
    server: ServerLimits = ServerLimits()
    keys: dict[str, GatewayKey] = {}
    admins: tuple[Admin, ...] = ()
    retention: Retention = Retention()
    alerts: tuple[Alert, ...] = ()

    def config(self) -> Config:
        """The same as one configuration."""
        return Config(
            providers=tuple(self.providers.values()),
            targets=tuple(self.targets.values()),
            pools=tuple(self.pools.values()),
            policy=self.policy,
            server=self.server,
            keys=tuple(self.keys.values()),
            admins=self.admins,
            retention=self.retention,
            alerts=self.alerts,
        )


def evolve_declared(declared: Declared, event: Event) -> Declared:
    """The catalog after one event."""
    match event:
        case ConfigApplied():
            return _applied(declared, event)
        case PolicySet():
            return replace(declared, policy=event.policy, server=event.server)
        case ProviderDefined() | ProviderRemoved():
            return _with_provider(declared, event)
        case TargetDefined() | TargetRemoved():
            return _with_target(declared, event)
        case PoolDefined() | PoolRemoved():
            return _with_pool(declared, event)
        case GatewayKeyDefined() | GatewayKeyRevoked():
            return _with_key(declared, event)
        case _:
            return declared


def _applied(declared: Declared, event: ConfigApplied) -> Declared:
    return replace(
        declared,
        revision=event.revision,
        digest=event.digest,
        origin=event.origin,
        file_digest=event.digest if event.origin == "file" else declared.file_digest,
        admins=event.admins,
        retention=event.retention,
        alerts=event.alerts,
    )


def _with_provider(declared: Declared, event: ProviderDefined | ProviderRemoved) -> Declared:
    if isinstance(event, ProviderDefined):
        return replace(declared, providers={**declared.providers, event.provider.name: event.provider})
    return replace(declared, providers=_without(declared.providers, event.provider))


def _with_target(declared: Declared, event: TargetDefined | TargetRemoved) -> Declared:
    if isinstance(event, TargetDefined):
        return replace(declared, targets={**declared.targets, event.target.id: event.target})
    return replace(declared, targets=_without(declared.targets, event.target))


def _with_pool(declared: Declared, event: PoolDefined | PoolRemoved) -> Declared:
    if isinstance(event, PoolDefined):
        return replace(declared, pools={**declared.pools, event.pool.name: event.pool})
    return replace(declared, pools=_without(declared.pools, event.pool))


def _with_key(declared: Declared, event: GatewayKeyDefined | GatewayKeyRevoked) -> Declared:
    if isinstance(event, GatewayKeyDefined):
        return replace(declared, keys={**declared.keys, event.key.name: event.key})
    return replace(declared, keys=_without(declared.keys, event.name))


def _without(entries: Mapping[str, T], name: str) -> dict[str, T]:
    return {key: value for key, value in entries.items() if key != name}
