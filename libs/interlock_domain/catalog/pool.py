"""A pool: a public model name and its members with weight and priority."""

from msgspec import Struct

from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.words import StrategyName


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One target of a pool; lower priority numbers are tried first."""

    target: str
    priority: int = 1
    weight: int = 1


class Pool(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A public model name; `policy` None: the global request-side policy."""

    name: str
    members: tuple[Member, ...]
    strategy: StrategyName = StrategyName.PRIORITY_FAILOVER
    expose_model: str = "served"
    min_software_version: str | None = None
    policy: PoolPolicy | None = None
