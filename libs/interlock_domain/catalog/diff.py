"""What a configuration would change, in the words of the file: for `plan`, before anything is applied.

Both sides are written back through the tables that read them, so a change is shown as
`cooldown.initial  15s -> 30s` and a key added to a table is compared without anyone remembering it.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from interlock_domain.catalog.config import Config, Known, Sections, root
from interlock_domain.catalog.declared import Declared
from interlock_domain.catalog.sections.policy import as_block

Written = dict[str, Any]
_MISSING = object()


class ChangeKind(StrEnum):
    """What happens to an entry or to one of its keys."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


class Change(Struct, frozen=True, kw_only=True):
    """One difference. `name` is empty in sections without entries; `path` is empty for whole entries."""

    section: str
    name: str
    kind: ChangeKind
    path: str = ""
    old: Any = None
    new: Any = None


def diff(declared: Declared, config: Config) -> tuple[Change, ...]:
    """Every change from what is declared to `config`, in the order of the file's sections."""
    old, new = write_config(declared.config()), write_config(config)
    return tuple(change for section in old for change in _section(section, old[section], new[section]))


def write_config(config: Config) -> Written:
    """The configuration as the file would say it, every default spelled out."""
    policy = as_block(config.policy)
    sections = Sections(
        providers={provider.name: provider for provider in config.providers},
        targets={target.id: target for target in config.targets},
        pools={pool.name: pool for pool in config.pools},
        policy=policy,
        keys=config.keys,
        admins=config.admins,
        server=config.server,
        retention=config.retention,
        alerts=config.alerts,
    )
    return root(Known(policy)).write(sections)


def _section(section: str, old: Any, new: Any) -> Iterator[Change]:
    if section in {"policy", "server", "retention"}:
        yield from _entry(section, "", old, new)
        return
    before, after = _by_name(old), _by_name(new)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield Change(section=section, name=name, kind=ChangeKind.REMOVED, old=before[name])
        elif name not in before:
            yield Change(section=section, name=name, kind=ChangeKind.ADDED, new=after[name])
        else:
            yield from _entry(section, name, before[name], after[name])


def _entry(section: str, name: str, old: Written, new: Written) -> Iterator[Change]:
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for path in [*before, *(path for path in after if path not in before)]:
        was, becomes = before.get(path, _MISSING), after.get(path, _MISSING)
        if was is _MISSING:
            yield Change(section=section, name=name, kind=ChangeKind.ADDED, path=path, new=becomes)
        elif becomes is _MISSING:
            yield Change(section=section, name=name, kind=ChangeKind.REMOVED, path=path, old=was)
        elif was != becomes:
            yield Change(section=section, name=name, kind=ChangeKind.CHANGED, path=path, old=was, new=becomes)


def _by_name(entries: Any) -> dict[str, Any]:
    """Entries by what identifies them: their key, or the name or URL in a list."""
    if isinstance(entries, Mapping):
        return dict(entries)
    return {entry.get("name") or entry["url"]: entry for entry in entries}


def _leaves(value: Written, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path -> value; a pool's members are leaves of their own, told by their target."""
    for key, entry in value.items():
        path = f"{prefix}{key}"
        if isinstance(entry, dict):
            yield from _leaves(entry, f"{path}.")
        elif key == "members":
            for member in entry:
                yield f"member {member['target']}", {name: member[name] for name in ("priority", "weight")}
        else:
            yield path, entry
