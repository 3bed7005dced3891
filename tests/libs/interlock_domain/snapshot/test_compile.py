"""Compiling and patching: the same snapshot by both ways."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.policy import PoolPolicy, TargetPolicy
from interlock_domain.rows import PoolRow, ProviderRow, TargetRow
from interlock_domain.snapshot.compile import compile_snapshot, patch_snapshot
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import AdminState
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    Row,
    a_catalog,
    a_commit,
    a_pool,
    a_rest,
    a_snapshot,
    a_state,
    a_target,
    encoded,
    learned,
    table,
)

CATALOG = a_catalog(
    a_pool("chat", "atlas/large", "breeze/large"),
    a_pool("fast", "breeze/large", "cirrus/small"),
    a_pool("solo", "delta/one"),
    targets=(a_target("atlas/large", upstream_model="large-0921"), a_target("atlas/unused")),
)
SMALLER = a_catalog(a_pool("chat", "delta/one", "breeze/large"), targets=(a_target("delta/new"),))
DISABLED = a_state(AdminState.DISABLED, position=7)
KEYS: dict[str, list[Row]] = {
    "target/atlas/large": [learned(a_rest(NOW + 1)), TargetRow(state=DISABLED)],
    "target/breeze/large": [learned(a_rest(NOW + 5)), learned(a_rest(NOW - 5))],
    "target/nobody/knows": [TargetRow(state=DISABLED)],
    "provider/breeze": [ProviderRow(state=DISABLED)],
    "provider/nobody": [ProviderRow(state=DISABLED)],
    "pool/chat": [PoolRow(gateways=("g1",)), PoolRow(members={"atlas/large": DISABLED})],
    "pool/nobody": [PoolRow(state=DISABLED)],
    "unknown/thing": [PoolRow()],
}
changes = st.fixed_dictionaries(
    {}, optional={key: st.sampled_from([None, *map(encoded, rows)]) for key, rows in KEYS.items()}
) | st.fixed_dictionaries(
    {
        "catalog": st.sampled_from([encoded(CATALOG), encoded(SMALLER)]),
        "unknown/kind": st.sampled_from([None, b"not ours"]),
    }
)


@given(st.lists(changes, max_size=5))
def test_a_patched_snapshot_equals_one_compiled_from_the_changed_table(steps) -> None:
    rows = table(CATALOG)
    snapshot = compile_snapshot(rows, a_commit(rows))
    for position, changed in enumerate(steps, start=2):
        rows = {key: payload for key, payload in (rows | changed).items() if payload is not None}
        commit = a_commit(rows, position=position)
        assert isinstance(snapshot, Snapshot)
        snapshot = patch_snapshot(snapshot, changed, commit)
        assert snapshot == compile_snapshot(rows, commit)


def test_a_patch_leaves_untouched_pools_as_they_are() -> None:
    before = a_snapshot(CATALOG)
    payload = encoded(learned(a_rest(NOW + 1)))
    changed = {"target/breeze/large": payload}
    after = patch_snapshot(before, changed, a_commit({**before.rows, **changed}, position=2))
    assert isinstance(after, Snapshot)
    assert after.pools["solo"] is before.pools["solo"]
    assert after.pools["chat"] is not before.pools["chat"]
    assert after.pools["fast"] is not before.pools["fast"]
    assert before.pools["chat"].members[1].row is None


def test_a_target_carries_its_redirect_and_its_policy() -> None:
    own = TargetPolicy(quorum=2)
    snapshot = a_snapshot(
        a_catalog(
            a_pool("chat", "atlas/large", "atlas/other", "atlas/plain"),
            targets=(
                a_target("atlas/large", upstream_model="large-0921", policy=own),
                a_target("atlas/plain"),
            ),
        )
    )
    large, other, plain = (member.target for member in snapshot.pools["chat"].members)
    assert (large.upstream_model, large.policy) == ("large-0921", own)
    assert (other.upstream_model, other.target, other.policy) == ("other", None, TargetPolicy())
    assert plain.upstream_model == "plain"


def test_a_pool_carries_its_own_policy_or_the_global_one() -> None:
    own = PoolPolicy(max_excluded=0.25)
    snapshot = a_snapshot(a_catalog(a_pool("own", "atlas/a", policy=own), a_pool("plain", "atlas/a")))
    assert snapshot.pools["own"].policy == own
    assert snapshot.pools["plain"].policy == PoolPolicy()


def test_rows_of_unknown_kinds_count_in_the_digest_and_nowhere_else() -> None:
    rows = table(CATALOG) | {"future/thing": b"\xff"}
    snapshot = compile_snapshot(rows, a_commit(rows))
    assert isinstance(snapshot, Snapshot)
    assert snapshot.digest != a_commit(table(CATALOG)).digest
    assert snapshot.pools == a_snapshot(CATALOG).pools
