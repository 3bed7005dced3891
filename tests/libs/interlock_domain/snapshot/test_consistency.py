"""One test for each way in which rows are refused."""

from interlock_domain.catalog.key import GatewayKey
from interlock_domain.catalog.target import Target
from interlock_domain.rows import CatalogRow
from interlock_domain.snapshot.compile import compile_snapshot, patch_snapshot
from interlock_domain.snapshot.consistency import Inconsistency, Inconsistent, check_removal
from interlock_domain.snapshot.snapshot import Snapshot
from tests.libs.interlock_domain.snapshot.tables import (
    a_catalog,
    a_commit,
    a_pool,
    a_provider,
    a_snapshot,
    a_target,
    encoded,
    table,
)


def refusal_of(catalog: CatalogRow) -> Inconsistent:
    rows = table(catalog)
    found = compile_snapshot(rows, a_commit(rows))
    assert isinstance(found, Inconsistent)
    return found


def with_targets(number: int, **fields) -> CatalogRow:
    return a_catalog(targets=tuple(a_target(f"atlas/m{i}") for i in range(number)), **fields)


def test_rows_that_are_not_what_the_commit_promised() -> None:
    rows = table(a_catalog(a_pool("chat", "atlas/large")))
    found = compile_snapshot(rows, a_commit(rows, digest="0" * 32))
    assert isinstance(found, Inconsistent)
    assert found.reason is Inconsistency.DIGEST
    assert "0" * 32 in found.detail


def test_a_row_that_cannot_be_decoded_is_named() -> None:
    for key, payload in (
        ("catalog", b"{"),
        ("target/atlas/large", b"[]"),
        ("pool/chat", b'{"state":"\xff"}'),
    ):
        rows = table(a_catalog()) | {key: payload}
        found = compile_snapshot(rows, a_commit(rows))
        assert isinstance(found, Inconsistent)
        assert found.reason is Inconsistency.UNDECODABLE_ROW
        assert key in found.detail


def test_a_changed_row_that_cannot_be_decoded_is_named() -> None:
    before = a_snapshot(a_catalog(a_pool("chat", "atlas/large")))
    rows = {**before.rows, "provider/atlas": b"no"}
    found = patch_snapshot(before, {"provider/atlas": b"no"}, a_commit(rows))
    assert isinstance(found, Inconsistent)
    assert found.reason is Inconsistency.UNDECODABLE_ROW


def test_changed_rows_that_are_not_what_the_commit_promised() -> None:
    before = a_snapshot(a_catalog(a_pool("chat", "atlas/large")))
    found = patch_snapshot(before, {"target/atlas/large": b"{}"}, a_commit(before.rows, position=2))
    assert isinstance(found, Inconsistent)
    assert found.reason is Inconsistency.DIGEST


def test_a_table_without_a_catalog_is_an_empty_set() -> None:
    found = compile_snapshot({}, a_commit({}))
    assert isinstance(found, Inconsistent)
    assert found.reason is Inconsistency.EMPTY_SET


def test_a_catalog_without_providers_is_an_empty_set() -> None:
    assert refusal_of(CatalogRow()).reason is Inconsistency.EMPTY_SET


def test_an_operator_may_empty_the_catalog() -> None:
    snapshot = a_snapshot(CatalogRow(allow_removal=True))
    assert snapshot.resolve("atlas/large") is None


def test_a_target_of_an_unknown_provider() -> None:
    lost = Target(id="gone/large", provider="gone", model="large")
    found = refusal_of(a_catalog(targets=(lost,), providers=(a_provider("atlas"),)))
    assert found.reason is Inconsistency.UNKNOWN_PROVIDER
    assert "gone" in found.detail


def test_a_member_of_an_unknown_provider() -> None:
    found = refusal_of(a_catalog(a_pool("chat", "gone/large"), providers=(a_provider("atlas"),)))
    assert found.reason is Inconsistency.UNKNOWN_MEMBER
    assert "gone/large" in found.detail


def test_a_member_that_names_no_model() -> None:
    assert refusal_of(a_catalog(a_pool("chat", "atlas"))).reason is Inconsistency.UNKNOWN_MEMBER


def test_duplicate_names_of_every_kind() -> None:
    key = GatewayKey(name="team", sha256="ab")
    twice = {
        "provider": a_catalog(providers=(a_provider("atlas"), a_provider("atlas"))),
        "target": a_catalog(targets=(a_target("atlas/a"), a_target("atlas/a"))),
        "pool": a_catalog(a_pool("chat", "atlas/a"), a_pool("chat", "atlas/b")),
        "key": a_catalog(keys=(key, key)),
        "member": a_catalog(a_pool("chat", "atlas/a", "atlas/a")),
    }
    for kind, catalog in twice.items():
        found = refusal_of(catalog)
        assert found.reason is Inconsistency.DUPLICATE, kind
        assert found.detail.startswith(kind)


def test_three_targets_may_always_be_removed() -> None:
    assert check_removal(a_snapshot(with_targets(5)), a_snapshot(with_targets(2))) is None


def test_a_third_of_the_targets_may_be_removed_but_no_more() -> None:
    before = a_snapshot(with_targets(100))
    assert check_removal(before, a_snapshot(with_targets(70))) is None
    found = check_removal(before, a_snapshot(with_targets(69)))
    assert found is not None
    assert found.reason is Inconsistency.TOO_MANY_REMOVED


def test_all_targets_may_not_be_removed_however_few_they_are() -> None:
    found = check_removal(a_snapshot(with_targets(1)), a_snapshot(with_targets(0)))
    assert found is not None
    assert found.reason is Inconsistency.EMPTY_SET


def test_an_operator_may_remove_any_number_of_targets() -> None:
    new = a_snapshot(with_targets(1, allow_removal=True))
    assert check_removal(a_snapshot(with_targets(100)), new) is None


def test_an_unchanged_catalog_removes_nothing() -> None:
    same = a_snapshot(with_targets(5))
    assert check_removal(same, same) is None


def test_a_patch_that_removes_too_many_targets_is_refused() -> None:
    before = a_snapshot(with_targets(100))
    payload = encoded(with_targets(10))
    found = patch_snapshot(before, {"catalog": payload}, a_commit({"catalog": payload}, position=2))
    assert isinstance(found, Inconsistent)
    assert found.reason is Inconsistency.TOO_MANY_REMOVED


def test_a_patch_with_an_inconsistent_catalog_is_refused() -> None:
    before = a_snapshot(with_targets(1))
    payload = encoded(CatalogRow())
    found = patch_snapshot(before, {"catalog": payload}, a_commit({"catalog": payload}, position=2))
    assert isinstance(found, Inconsistent)
    assert found.reason is Inconsistency.EMPTY_SET


def test_a_sound_catalog_is_a_snapshot() -> None:
    assert isinstance(a_snapshot(a_catalog(a_pool("chat", "atlas/large"))), Snapshot)
