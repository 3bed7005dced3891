"""Where nothing would take over: pools in which one member alone can answer.

Rule: an advice, never a refusal, since one member may be all that somebody has. Counted for each API that any
member speaks, because a request is never translated from one API into another.
"""

from collections.abc import Mapping

from interlock_domain.catalog.config import Config
from interlock_domain.catalog.pool import Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import split_target_id
from interlock_domain.words import Api


def single_points(config: Config) -> tuple[str, ...]:
    """A sentence for each pool, or API of a pool, that has fewer than two members."""
    providers = {provider.name: provider for provider in config.providers}
    return tuple(sentence for pool in config.pools for sentence in _of_pool(pool, providers))


def _of_pool(pool: Pool, providers: Mapping[str, Provider]) -> tuple[str, ...]:
    if len(pool.members) < 2:
        only = pool.members[0].target if pool.members else "no member"
        return (f"pool `{pool.name}` has {only} alone: nothing takes over when it fails",)
    speak = {api: _speakers(pool, providers, api) for api in Api}
    return tuple(
        f"pool `{pool.name}` has {members[0]} alone for the API {api}: nothing takes over when it fails"
        for api, members in speak.items()
        if len(members) == 1
    )


def _speakers(pool: Pool, providers: Mapping[str, Provider], api: Api) -> list[str]:
    return [
        member.target
        for member in pool.members
        if (provider := providers.get(split_target_id(member.target)[0])) is not None and api in provider.apis
    ]
