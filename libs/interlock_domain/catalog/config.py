"""The configuration: interlock.yaml as parsed YAML, read into the values the domain knows.

Rule: `parse_config` is total. It answers a whole Config or every issue it could find, and looks at
nothing but its argument: no file, no environment, no secret. Positions are the file reader's business.
Dropped: validation by a model library, and a JSON Schema as the source; neither knows "unknown provider
in a pool" or the place a policy key belongs to. The schema is derived from the same tables instead.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from interlock_domain.catalog.issue import Issue
from interlock_domain.catalog.key import Admin, Alert, GatewayKey
from interlock_domain.catalog.kinds.blocks import Block, Key
from interlock_domain.catalog.kinds.place import Place
from interlock_domain.catalog.policy import Policy, Retention, ServerLimits
from interlock_domain.catalog.pool import Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.sections.access import ADMINS, ALERTS, keys
from interlock_domain.catalog.sections.policy import POLICY, PolicyBlock
from interlock_domain.catalog.sections.pool import pools
from interlock_domain.catalog.sections.provider import PROVIDERS
from interlock_domain.catalog.sections.server import RETENTION, SERVER
from interlock_domain.catalog.sections.target import targets
from interlock_domain.catalog.target import Target, split_target_id


class Config(Struct, frozen=True, kw_only=True):
    """Everything that operators declare. Order is that of the file; implicit targets come last."""

    providers: tuple[Provider, ...] = ()
    targets: tuple[Target, ...] = ()
    pools: tuple[Pool, ...] = ()
    policy: Policy = Policy()
    server: ServerLimits = ServerLimits()
    keys: tuple[GatewayKey, ...] = ()
    admins: tuple[Admin, ...] = ()
    retention: Retention = Retention()
    alerts: tuple[Alert, ...] = ()


class Sections(Struct, frozen=True, kw_only=True):
    """The file as it is grouped: one attribute for each top-level key."""

    providers: dict[str, Provider] = {}
    targets: dict[str, Target] = {}
    pools: dict[str, Pool] = {}
    policy: PolicyBlock = PolicyBlock()
    keys: tuple[GatewayKey, ...] = ()
    admins: tuple[Admin, ...] = ()
    server: ServerLimits = ServerLimits()
    retention: Retention = Retention()
    alerts: tuple[Alert, ...] = ()


class Known(Struct, frozen=True):
    """What entries may refer to: the policy for all, and the names that the file declares (None: any)."""

    policy: PolicyBlock = PolicyBlock()
    providers: tuple[str, ...] | None = None
    pools: tuple[str, ...] | None = None


def root(known: Known) -> Block[Sections]:
    """The table of the whole file."""
    return Block(
        Sections,
        (
            Key("providers", PROVIDERS, "Upstream accounts, by name"),
            Key(
                "targets",
                targets(known.policy, known.providers),
                "Optional facts about models, by `provider/model`",
            ),
            Key(
                "pools",
                pools(known.policy, known.providers),
                "Public model names and the targets behind them",
            ),
            Key("policy", POLICY, "Every tunable number, for all pools and targets"),
            Key(
                "keys",
                keys(known.pools),
                "Gateway keys; none = open on loopback, and elsewhere with `INTERLOCK_OPEN=1` only",
            ),
            Key("admins", ADMINS, "Admin tokens"),
            Key("server", SERVER, "Limits of a gateway process"),
            Key("retention", RETENTION, "How long things are kept"),
            Key("alerts", ALERTS, "Webhooks"),
        ),
    )


ROOT: Final = root(Known())


def parse_config(raw: object) -> Config | tuple[Issue, ...]:
    """Read parsed YAML (dict, list, str, int, float, bool, None); on any mistake all issues instead."""
    place = Place()
    sections = root(_known(raw)).read(raw, place)
    if place.issues or not isinstance(sections, Sections):
        return place.issues
    return Config(
        providers=tuple(sections.providers.values()),
        targets=_with_implicit(sections),
        pools=tuple(sections.pools.values()),
        policy=sections.policy.for_all(),
        server=sections.server,
        keys=sections.keys,
        admins=sections.admins,
        retention=sections.retention,
        alerts=sections.alerts,
    )


def _known(raw: object) -> Known:
    """A first look at what entries refer to; its issues are told by the reading that follows."""
    if not isinstance(raw, Mapping):
        return Known()
    policy = POLICY.read(raw.get("policy"), Place(), PolicyBlock())
    return Known(
        policy if isinstance(policy, PolicyBlock) else PolicyBlock(),
        _names(raw.get("providers")),
        _names(raw.get("pools")),
    )


def _names(section: object) -> tuple[str, ...]:
    """What a section declares, readable or not: an entry with a mistake is not an unknown one."""
    return tuple(name for name in section if isinstance(name, str)) if isinstance(section, Mapping) else ()


def _with_implicit(sections: Sections) -> tuple[Target, ...]:
    """The declared targets, then those that pools name without declaring them."""
    all_targets = dict(sections.targets)
    for pool in sections.pools.values():
        for member in pool.members:
            if member.target not in all_targets:
                provider, model = split_target_id(member.target)
                all_targets[member.target] = Target(id=member.target, provider=provider, model=model)
    return tuple(all_targets.values())


def config_digest(raw: object) -> str:
    """Hex SHA-256 of the parsed file as written: no defaults, no comments, keys sorted."""
    return sha256(msgspec.json.encode(_plain(raw), order="sorted")).hexdigest()


def _plain(raw: object) -> object:
    """The same with text for keys, so that whatever YAML can hold has one order and one JSON form."""
    if isinstance(raw, Mapping):
        return {_text(key): _plain(value) for key, value in raw.items()}
    if isinstance(raw, list | tuple):
        return [_plain(item) for item in raw]
    return raw if raw is None or isinstance(raw, bool) else _text(raw)


def _text(raw: object) -> str:
    """Numbers keep their own look (`1` is not "1" and not 1.0); YAML may hold half a surrogate pair."""
    text = raw if isinstance(raw, str) else f"\0{raw:x}" if isinstance(raw, int) else f"\0{raw!r}"
    return text.encode("utf-8", "backslashreplace").decode()
