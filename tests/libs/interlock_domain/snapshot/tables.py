"""Builders of tables: a catalog in a few words, rows as the feed has them, and their commit."""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock_domain.catalog.pool import Member, Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target, split_target_id
from interlock_domain.digest import table_digest
from interlock_domain.rows import (
    CatalogRow,
    CommitRow,
    CooldownRow,
    OutRow,
    PoolRow,
    ProviderRow,
    QuarantineRow,
    StateRow,
    TargetRow,
)
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import FailureClass, Provenance

NOW = 1_000_000
"""Log time of the commits that these builders make."""

_encode = msgspec.json.Encoder(order="deterministic").encode
Row = CatalogRow | TargetRow | ProviderRow | PoolRow


def a_provider(name: str, **fields: Any) -> Provider:
    return Provider(name=name, base_url=f"http://{name}.test/v1", **fields)


def a_target(target: str, **fields: Any) -> Target:
    provider, model = split_target_id(target)
    return Target(id=target, provider=provider, model=model, **fields)


def a_pool(name: str, *members: str | Member, **fields: Any) -> Pool:
    listed = tuple(m if isinstance(m, Member) else Member(target=m) for m in members)
    return Pool(name=name, members=listed, **fields)


def a_catalog(*pools: Pool, targets: tuple[Target, ...] = (), **fields: Any) -> CatalogRow:
    """The pools with every provider that they and the targets need; `providers` replaces those."""
    named = [t.id for t in targets] + [m.target for pool in pools for m in pool.members]
    names = dict.fromkeys(["atlas", *(split_target_id(target)[0] for target in named)])
    fields.setdefault("providers", tuple(a_provider(name) for name in names))
    return CatalogRow(revision=1, pools=pools, targets=targets, **fields)


def table(catalog: CatalogRow, rows: Mapping[str, Row] | None = None) -> dict[str, bytes]:
    return {"catalog": _encode(catalog)} | {key: _encode(row) for key, row in (rows or {}).items()}


def encoded(row: Row) -> bytes:
    return _encode(row)


def a_commit(rows: Mapping[str, bytes], *, position: int = 1, **fields: Any) -> CommitRow:
    values: dict[str, Any] = {"generation": 1, "epoch": 1, "log_ms": NOW, "digest": table_digest(rows)}
    return CommitRow(position=position, **(values | fields))


def a_snapshot(catalog: CatalogRow, rows: Mapping[str, Row] | None = None, **commit: Any) -> Snapshot:
    built = table(catalog, rows)
    snapshot = compile_snapshot(built, a_commit(built, **commit))
    assert isinstance(snapshot, Snapshot), snapshot
    return snapshot


def a_rest(
    until_ms: int, *, shape: str = "text", provenance: Provenance = Provenance.HEURISTIC, **fields: Any
) -> CooldownRow:
    fields.setdefault("opened_ms", NOW - 10_000)
    return CooldownRow(shape=shape, provenance=provenance, until_ms=until_ms, **fields)


def learned(*rests: CooldownRow) -> TargetRow:
    return TargetRow(learned=rests)


def a_state(state: Any, **fields: Any) -> StateRow:
    return StateRow(state=state, **fields)


def an_out(recheck_at_ms: int, **fields: Any) -> OutRow:
    fields.setdefault("failure", FailureClass.NOT_FOUND)
    return OutRow(since_ms=NOW - 1_000, recheck_at_ms=recheck_at_ms, recheck_ms=300_000, **fields)


def a_quarantine(fingerprint: str, recheck_at_ms: int, **fields: Any) -> QuarantineRow:
    fields.setdefault("failure", FailureClass.AUTH)
    return QuarantineRow(
        fingerprint=fingerprint,
        since_ms=NOW - 1_000,
        recheck_at_ms=recheck_at_ms,
        recheck_ms=300_000,
        **fields,
    )
