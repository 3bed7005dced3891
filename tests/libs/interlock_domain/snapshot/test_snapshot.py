"""The snapshot as a value, and how a model name is resolved."""

import dataclasses

import pytest

from interlock_domain.rows import PoolRow
from interlock_domain.snapshot.snapshot import EXACT_KEPT
from interlock_domain.words import StrategyName
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    a_catalog,
    a_pool,
    a_rest,
    a_snapshot,
    a_target,
    learned,
)


def test_a_snapshot_names_its_version_and_its_commit() -> None:
    snapshot = a_snapshot(a_catalog(), position=48_211, generation=3)
    assert snapshot.version == "g3:48211"
    assert (snapshot.generation, snapshot.position, snapshot.log_ms) == (3, 48_211, NOW)
    assert snapshot.digest == snapshot.commit.digest


def test_a_snapshot_cannot_be_changed() -> None:
    snapshot = a_snapshot(a_catalog(a_pool("chat", "atlas/a")))
    for value, name in ((snapshot, "commit"), (snapshot.pools["chat"], "members")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)


def test_a_pool_name_comes_before_an_exact_name() -> None:
    snapshot = a_snapshot(a_catalog(a_pool("atlas/large", "breeze/large")))
    pool = snapshot.resolve("atlas/large")
    assert pool is not None
    assert [member.target.id for member in pool.members] == ["breeze/large"]


def test_without_any_pool_exact_names_of_known_providers_resolve() -> None:
    snapshot = a_snapshot(a_catalog())
    pool = snapshot.resolve("atlas/org/model:7b")
    assert pool is not None
    assert (pool.name, pool.strategy) == ("atlas/org/model:7b", StrategyName.PRIORITY_FAILOVER)
    assert [member.target.upstream_model for member in pool.members] == ["org/model:7b"]


@pytest.mark.parametrize("model", ["", "chat", "atlas", "atlas/", "/large", "unknown/large"])
def test_other_names_do_not_resolve(model: str) -> None:
    assert a_snapshot(a_catalog()).resolve(model) is None


def test_an_exact_pool_carries_what_is_declared_and_what_rows_say() -> None:
    row, pool_row = learned(a_rest(NOW + 1)), PoolRow(gateways=("g1",))
    declared = a_target("atlas/large", upstream_model="large-0921")
    snapshot = a_snapshot(
        a_catalog(targets=(declared,)), {"target/atlas/large": row, "pool/atlas/large": pool_row}
    )
    pool = snapshot.resolve("atlas/large")
    assert pool is not None
    assert (pool.members[0].row, pool.row) == (row, pool_row)
    assert pool.members[0].target.target == declared


def test_an_exact_pool_is_compiled_once() -> None:
    snapshot = a_snapshot(a_catalog())
    assert snapshot.resolve("atlas/a") is snapshot.resolve("atlas/a")


def test_the_exact_name_that_was_longest_unused_is_forgotten_first() -> None:
    snapshot = a_snapshot(a_catalog())
    first, second = snapshot.resolve("atlas/first"), snapshot.resolve("atlas/second")
    for i in range(EXACT_KEPT - 2):
        snapshot.resolve(f"atlas/m{i}")
    assert snapshot.resolve("atlas/first") is first
    snapshot.resolve("atlas/one-more")
    assert snapshot.resolve("atlas/first") is first
    assert snapshot.resolve("atlas/second") is not second


@pytest.mark.parametrize(
    ("declared", "narrowest", "widest"),
    [
        ({}, None, None),
        ({"atlas/a": 8_000}, 8_000, None),
        ({"atlas/a": 8_000, "breeze/b": 2_000}, 2_000, 8_000),
    ],
)
def test_a_pool_knows_its_smallest_and_its_largest_window(declared, narrowest, widest) -> None:
    targets = tuple(a_target(name, context_window=window) for name, window in declared.items())
    pool = a_snapshot(a_catalog(a_pool("chat", "atlas/a", "breeze/b"), targets=targets)).pools["chat"]
    assert (pool.narrowest, pool.widest) == (narrowest, widest)


def test_an_exact_name_has_the_one_window_of_its_target() -> None:
    snapshot = a_snapshot(
        a_catalog(a_pool("chat", "atlas/a"), targets=(a_target("atlas/b", context_window=9),))
    )
    for name, window in (("atlas/b", 9), ("atlas/a", None)):
        pool = snapshot.resolve(name)
        assert pool is not None
        assert (pool.narrowest, pool.widest) == (window, window)
