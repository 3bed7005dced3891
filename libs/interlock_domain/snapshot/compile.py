"""From rows to a snapshot: all at once, or only the pools that changed rows touch.

Rule: `patch_snapshot(s, changed, commit)` equals `compile_snapshot` over the changed table; a patch
is only quicker. The digest is checked before anything is decoded: rows that are not what the commit
promised are not worth reading. Keys of kinds that this version does not know count in the digest and
are otherwise left alone, so that a newer control plane can add kinds first.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from interlock_domain import digest
from interlock_domain.catalog.target import split_target_id
from interlock_domain.rows import CATALOG_KEY, CatalogRow, CommitRow, PoolRow, ProviderRow, TargetRow
from interlock_domain.snapshot.consistency import (
    Inconsistency,
    Inconsistent,
    check_catalog,
    check_removal,
)
from interlock_domain.snapshot.snapshot import (
    CompiledPool,
    CompiledTarget,
    Reach,
    Snapshot,
    TableRows,
    compile_pool,
    compile_target,
)

_Row = TypeVar("_Row")

_catalogs: Final = msgspec.json.Decoder(CatalogRow)
_targets: Final = msgspec.json.Decoder(TargetRow)
_providers: Final = msgspec.json.Decoder(ProviderRow)
_pools: Final = msgspec.json.Decoder(PoolRow)


def compile_snapshot(rows: Mapping[str, bytes], commit: CommitRow) -> Snapshot | Inconsistent:
    """The snapshot of a whole table; also the gateway's own proof that the table is sound."""
    total = digest.table_sum(rows)
    refusal = _wrong_digest(total, commit)
    if refusal is not None:
        return refusal
    payload = rows.get(CATALOG_KEY)
    if payload is None:
        return Inconsistent(Inconsistency.EMPTY_SET, "the table has no catalog")
    try:
        catalog = _catalogs.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _undecodable(CATALOG_KEY, error)
    refusal = check_catalog(catalog)
    if refusal is not None:
        return refusal
    dynamic = _dynamic_rows(TableRows({}, {}, {}), rows)
    if isinstance(dynamic, Inconsistent):
        return dynamic
    return _assemble(catalog, commit, dynamic, rows=dict(rows), total=total)


def patch_snapshot(
    snapshot: Snapshot, changed: Mapping[str, bytes | None], commit: CommitRow
) -> Snapshot | Inconsistent:
    """The snapshot after some rows changed (None: the row is gone)."""
    if CATALOG_KEY in changed:
        rows = dict(snapshot.rows)
        for key, payload in changed.items():
            _put(rows, key, payload)
        new = compile_snapshot(rows, commit)
        return new if isinstance(new, Inconsistent) else check_removal(snapshot, new) or new
    rows, total = dict(snapshot.rows), snapshot.total
    for key, payload in changed.items():
        total = _resummed(total, key, rows.get(key), payload)
        _put(rows, key, payload)
    refusal = _wrong_digest(total, commit)
    if refusal is not None:
        return refusal
    dynamic = _dynamic_rows(snapshot.dynamic, changed)
    if isinstance(dynamic, Inconsistent):
        return dynamic
    return Snapshot(
        catalog=snapshot.catalog,
        commit=commit,
        pools=_patched_pools(snapshot, dynamic, changed),
        providers=snapshot.providers,
        targets=snapshot.targets,
        dynamic=dynamic,
        rows=rows,
        total=total,
        reach=snapshot.reach,
    )


def _assemble(
    catalog: CatalogRow, commit: CommitRow, dynamic: TableRows, *, rows: Mapping[str, bytes], total: int
) -> Snapshot:
    providers = {provider.name: provider for provider in catalog.providers}
    policy = catalog.policy
    targets: dict[str, CompiledTarget] = {
        target.id: compile_target(providers[target.provider], target.id, target, policy.target)
        for target in catalog.targets
    }
    for pool in catalog.pools:
        for member in pool.members:
            if member.target not in targets:
                provider = providers[split_target_id(member.target)[0]]
                targets[member.target] = compile_target(provider, member.target, None, policy.target)
    return Snapshot(
        catalog=catalog,
        commit=commit,
        pools={pool.name: compile_pool(pool, targets, dynamic, policy.pool) for pool in catalog.pools},
        providers=providers,
        targets=targets,
        dynamic=dynamic,
        rows=rows,
        total=total,
        reach=_reach(catalog),
    )


def _reach(catalog: CatalogRow) -> Reach:
    of_target: dict[str, list[str]] = {}
    of_provider: dict[str, set[str]] = {}
    for pool in catalog.pools:
        for member in pool.members:
            of_target.setdefault(member.target, []).append(pool.name)
            of_provider.setdefault(split_target_id(member.target)[0], set()).add(pool.name)
    return Reach(of_target, of_provider)


def _patched_pools(snapshot: Snapshot, dynamic: TableRows, keys: Iterable[str]) -> dict[str, CompiledPool]:
    touched = _touched(snapshot, keys)
    pools = dict(snapshot.pools)
    for pool in snapshot.catalog.pools:
        if pool.name in touched:
            pools[pool.name] = compile_pool(pool, snapshot.targets, dynamic, snapshot.catalog.policy.pool)
    return pools


def _touched(snapshot: Snapshot, keys: Iterable[str]) -> set[str]:
    """Names of the pools that a changed row can reach."""
    pools: set[str] = set()
    for key in keys:
        kind, _, name = key.partition("/")
        if kind == "pool":
            pools.add(name)
        elif kind == "target":
            pools.update(snapshot.reach.of_target.get(name, ()))
        elif kind == "provider":
            pools.update(snapshot.reach.of_provider.get(name, ()))
    return pools


def _dynamic_rows(
    before: TableRows, changed: Mapping[str, bytes | None] | Mapping[str, bytes]
) -> TableRows | Inconsistent:
    targets, providers, pools = dict(before.targets), dict(before.providers), dict(before.pools)
    for key, payload in changed.items():
        kind, _, name = key.partition("/")
        try:
            if kind == "target":
                _put(targets, name, None if payload is None else _targets.decode(payload))
            elif kind == "provider":
                _put(providers, name, None if payload is None else _providers.decode(payload))
            elif kind == "pool":
                _put(pools, name, None if payload is None else _pools.decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _undecodable(key, error)
    return TableRows(targets, providers, pools)


def _put(rows: dict[str, _Row], key: str, row: _Row | None) -> None:
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row


def _resummed(total: int, key: str, before: bytes | None, after: bytes | None) -> int:
    if before is not None:
        total = digest.remove(total, key, before)
    return total if after is None else digest.add(total, key, after)


def _wrong_digest(total: int, commit: CommitRow) -> Inconsistent | None:
    found = digest.digest_text(total)
    if found == commit.digest:
        return None
    return Inconsistent(Inconsistency.DIGEST, f"the rows say {found}, their commit {commit.digest}")


def _undecodable(key: str, error: Exception) -> Inconsistent:
    return Inconsistent(Inconsistency.UNDECODABLE_ROW, f"row {key}: {error}")
