"""Rows of the state: their payloads, which of them changed, and the digest of the table.

Rule: a row's payload is canonical JSON of what the log says, and a row that says nothing does not exist. The
table keeps a hash per key, so that a change costs the changed rows and not the table, and a row whose payload
came out the same is not published again.
"""

from typing import Final

import msgspec

from interlock_domain import digest
from interlock_domain.projection.state import State, live_gateways
from interlock_domain.rows import (
    CATALOG_KEY,
    CatalogRow,
    CommitRow,
    PoolRow,
    ProviderRow,
    TargetRow,
)

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_MODULUS: Final = 1 << 128


def take_changed_rows(state: State) -> dict[str, bytes | None]:
    """The rows whose payload changed since the last call; None: the row is gone."""
    _refresh(state)
    taken, state.table.waiting = state.table.waiting, {}
    return taken


def all_rows(state: State) -> dict[str, bytes]:
    """The whole table, by key."""
    keys = [CATALOG_KEY]
    keys += [f"target/{name}" for name in state.targets]
    keys += [f"provider/{name}" for name in state.providers]
    keys += [f"pool/{name}" for name in state.pools]
    payloads = {key: _payload(state, key) for key in sorted(keys)}
    return {key: payload for key, payload in payloads.items() if payload is not None}


def table_digest(state: State) -> str:
    """The digest of the table as it stands."""
    _refresh(state)
    return state.table.total.hex()


def commit_row(state: State, *, generation: int, epoch: int) -> CommitRow:
    """The commit that closes the table as it stands."""
    return CommitRow(
        generation=generation,
        epoch=epoch,
        position=state.position,
        log_ms=state.log_ms,
        digest=table_digest(state),
        gateways=live_gateways(state),
    )


def _refresh(state: State) -> None:
    table = state.table
    total = _number(table.total)
    for key in sorted(table.dirty):
        payload = _payload(state, key)
        before = table.hashes.pop(key, None)
        after = _hash(key, payload) if payload is not None else None
        if after is not None:
            table.hashes[key] = after
        if after != before:
            total += (_number(after) if after else 0) - (_number(before) if before else 0)
            table.waiting[key] = payload
    table.total = _bytes(total)
    table.dirty.clear()


def _payload(state: State, key: str) -> bytes | None:
    kind, _, name = key.partition("/")
    row: CatalogRow | TargetRow | ProviderRow | PoolRow | None
    if kind == "target":
        row = target_row(state, name)
    elif kind == "provider":
        row = provider_row(state, name)
    elif kind == "pool":
        row = pool_row(state, name)
    else:
        row = catalog_row(state)
        row = None if row == CatalogRow() else row
    return _encode(row) if row is not None else None


def catalog_row(state: State) -> CatalogRow:
    """Everything operators declared that a gateway needs."""
    catalog = state.catalog
    return CatalogRow(
        revision=catalog.revision,
        digest=catalog.digest,
        providers=tuple(catalog.providers.values()),
        targets=tuple(catalog.targets.values()),
        pools=tuple(catalog.pools.values()),
        policy=catalog.policy,
        server=catalog.server,
        keys=tuple(catalog.keys.values()),
        allow_removal=catalog.allow_removal,
    )


def target_row(state: State, name: str) -> TargetRow | None:
    """The dynamic part of a target; None when nothing stands against it."""
    target = state.targets.get(name)
    if target is None or not (target.state or target.learned or target.operator or target.out):
        return None
    return TargetRow(
        state=target.state,
        learned=tuple(row for _, row in sorted(target.learned.items())),
        operator=tuple(row for _, row in sorted(target.operator.items())),
        out=target.out,
    )


def provider_row(state: State, name: str) -> ProviderRow | None:
    """The dynamic part of a provider; None when nothing stands against it."""
    provider = state.providers.get(name)
    if provider is None or not (provider.state or provider.quarantines):
        return None
    return ProviderRow(
        state=provider.state, quarantines=tuple(row for _, row in sorted(provider.quarantines.items()))
    )


def pool_row(state: State, name: str) -> PoolRow | None:
    """The dynamic part of a pool; None when nobody asks for it and nothing stands against it."""
    pool = state.pools.get(name)
    if pool is None or not (pool.state or pool.members or pool.gateways):
        return None
    return PoolRow(state=pool.state, members=pool.members, gateways=tuple(sorted(pool.gateways)))


def _hash(key: str, payload: bytes) -> bytes:
    return digest.row_hash(key, payload).to_bytes(16, "big")


def _number(hashed: bytes) -> int:
    return int.from_bytes(hashed, "big")


def _bytes(total: int) -> bytes:
    return (total % _MODULUS).to_bytes(16, "big")
