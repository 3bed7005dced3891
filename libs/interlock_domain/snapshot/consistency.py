"""When a set of rows may not become a snapshot: the closed list of inconsistencies, and the checks.

Rule: the control plane checks before it publishes and every gateway checks again before it swaps;
whoever finds an inconsistency keeps the last good snapshot and says which reason it was. Dropped:
repairing on the fly (leave out the broken pool), because replicas that repair differently disagree
without anybody noticing, and a half-empty catalog is how whole fleets have gone dark.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from interlock_domain.catalog.removal import removes_too_many
from interlock_domain.catalog.target import split_target_id
from interlock_domain.rows import CatalogRow
from interlock_domain.snapshot.snapshot import Snapshot


class Inconsistency(StrEnum):
    """Why rows are refused; the values travel in SnapshotRejected."""

    DIGEST = "digest"
    UNDECODABLE_ROW = "undecodable_row"
    EMPTY_SET = "empty_set"
    TOO_MANY_REMOVED = "too_many_removed"
    UNKNOWN_PROVIDER = "unknown_provider"
    UNKNOWN_MEMBER = "unknown_member"
    DUPLICATE = "duplicate"


class Inconsistent(Struct, frozen=True):
    """The refusal: a reason, and a sentence that names what was found."""

    reason: Inconsistency
    detail: str


def check_catalog(catalog: CatalogRow) -> Inconsistent | None:
    """Every cross-reference of a catalog, in itself."""
    if not catalog.providers and not catalog.allow_removal:
        return Inconsistent(Inconsistency.EMPTY_SET, "the catalog has no provider")
    return _duplicates(catalog) or _unknown_providers(catalog) or _unknown_members(catalog)


def check_removal(previous: Snapshot, new: Snapshot) -> Inconsistent | None:
    """Does the step from one snapshot to the next remove more targets than an accident may?"""
    if new.catalog.allow_removal or new.catalog == previous.catalog:
        return None
    before, after = previous.targets.keys(), new.targets.keys()
    if before and not after:
        return Inconsistent(Inconsistency.EMPTY_SET, f"all {len(before)} targets would be removed")
    if removes_too_many(before, after):
        text = f"{len(before - after)} of {len(before)} targets would be removed"
        return Inconsistent(Inconsistency.TOO_MANY_REMOVED, text)
    return None


def _duplicates(catalog: CatalogRow) -> Inconsistent | None:
    named: list[tuple[str, Iterable[str]]] = [
        ("provider", (p.name for p in catalog.providers)),
        ("target", (t.id for t in catalog.targets)),
        ("pool", (p.name for p in catalog.pools)),
        ("key", (k.name for k in catalog.keys)),
    ]
    named += [(f"member of pool {p.name}", (m.target for m in p.members)) for p in catalog.pools]
    for kind, names in named:
        name, times = next(iter(Counter(names).most_common(1)), ("", 0))
        if times > 1:
            return Inconsistent(Inconsistency.DUPLICATE, f"{kind} {name} is there {times} times")
    return None


def _unknown_providers(catalog: CatalogRow) -> Inconsistent | None:
    providers = {p.name for p in catalog.providers}
    for target in catalog.targets:
        if target.provider not in providers:
            text = f"target {target.id} names provider {target.provider}, which is unknown"
            return Inconsistent(Inconsistency.UNKNOWN_PROVIDER, text)
    return None


def _unknown_members(catalog: CatalogRow) -> Inconsistent | None:
    providers = {p.name for p in catalog.providers}
    for pool in catalog.pools:
        for member in pool.members:
            provider, model = split_target_id(member.target)
            if provider not in providers or not model:
                text = f"pool {pool.name} has member {member.target}, whose provider is unknown"
                return Inconsistent(Inconsistency.UNKNOWN_MEMBER, text)
    return None
