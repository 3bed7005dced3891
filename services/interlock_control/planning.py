"""What a configuration would change, before anybody applies it: the answer of /config/plan.

Rule: it asks the same `decide` that an apply asks, so a plan that is refused would be refused then, in the
same words; it writes nothing. Its revision is the one to apply on (If-Match). Dropped: a dry run of the
append, which would answer for the journal of a moment and not for what a person reads.
"""

from typing import Any

from msgspec import Struct

from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.catalog.decide import Rejected, decide
from interlock_domain.catalog.declared import Declared
from interlock_domain.catalog.diff import ChangeKind, diff
from interlock_domain.catalog.single_points import single_points
from interlock_runtime.config_file import LoadedConfig


class ChangeAnswer(Struct, frozen=True, kw_only=True):
    """One difference; `path` empty: a whole entry comes or goes. Durations and sizes as the file has them."""

    section: str
    name: str
    kind: ChangeKind
    path: str
    old: Any
    new: Any


class PlanAnswer(Struct, frozen=True, kw_only=True):
    """`changed` without any change: an apply would record another order or the first revision.

    `refused`: what an apply would be told, None when it would be accepted.
    """

    revision: int
    changed: bool
    changes: tuple[ChangeAnswer, ...]
    warnings: tuple[str, ...]
    refused: str | None


def planned(declared: Declared, loaded: LoadedConfig, *, allow_removal: bool) -> PlanAnswer:
    """What an apply on this revision would do."""
    changes = diff(declared, loaded.config)
    decided = decide(declared, _command(loaded, allow_removal=True))
    refused = decide(declared, _command(loaded, allow_removal=allow_removal))
    return PlanAnswer(
        revision=declared.revision,
        # the first of several is ConfigApplied, which every apply of another file records
        changed=bool(changes) or (not isinstance(decided, Rejected) and len(decided) > 1),
        changes=tuple(
            ChangeAnswer(
                section=one.section, name=one.name, kind=one.kind, path=one.path, old=one.old, new=one.new
            )
            for one in changes
        ),
        warnings=single_points(loaded.config),
        refused=f"{refused.message}. {refused.hint}" if isinstance(refused, Rejected) else None,
    )


def _command(loaded: LoadedConfig, *, allow_removal: bool) -> ApplyConfig:
    return ApplyConfig(config=loaded.config, digest=loaded.digest, origin="api", allow_removal=allow_removal)
