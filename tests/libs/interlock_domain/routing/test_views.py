"""Views ask the same function and change nothing."""

import pytest

from interlock_domain.routing.views import pool_serves, pool_view, target_view
from interlock_domain.rows import PoolRow, ProviderRow, TargetRow
from interlock_domain.words import AdminState, Api, Eligibility, Provenance, Reason, Shape
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    Row,
    a_catalog,
    a_pool,
    a_provider,
    a_quarantine,
    a_rest,
    a_snapshot,
    a_state,
    a_target,
    learned,
)

CHAT = a_pool("chat", "atlas/a", "breeze/b")
DISABLED = a_state(AdminState.DISABLED)


def test_a_pool_view_lists_every_member_in_pool_order_with_state_and_reason() -> None:
    rows = {"target/atlas/a": learned(a_rest(NOW + 5))}
    view = pool_view(a_snapshot(a_catalog(CHAT), rows), "chat", Shape.TEXT, NOW)
    assert [(c.target, c.state, c.reasons, c.rank) for c in view] == [
        ("atlas/a", Eligibility.SOFT_EXCLUDED, (Reason.COOLDOWN_HEURISTIC,), None),
        ("breeze/b", Eligibility.ELIGIBLE, (), None),
    ]
    assert view[0].until_ms == NOW + 5


def test_a_pool_view_shows_what_the_cap_holds_in() -> None:
    rows = {
        "target/atlas/a": learned(a_rest(NOW + 5, opened_ms=1)),
        "target/breeze/b": learned(a_rest(NOW + 5, opened_ms=2)),
    }
    view = pool_view(a_snapshot(a_catalog(CHAT), rows), "chat", Shape.TEXT, NOW)
    assert [c.state for c in view] == [Eligibility.SOFT_EXCLUDED, Eligibility.DEGRADED]
    assert view[1].reasons == (Reason.CAP_HELD, Reason.COOLDOWN_HEURISTIC)


def test_a_view_neither_probes_nor_draws() -> None:
    rows = {
        "target/atlas/a": learned(a_rest(NOW)),
        "target/breeze/b": learned(a_rest(NOW - 9, returned_ms=NOW - 29_999)),
    }
    view = pool_view(a_snapshot(a_catalog(CHAT), rows), "chat", Shape.TEXT, NOW)
    assert [c.reasons for c in view] == [(Reason.HALF_OPEN,), (Reason.RAMPING,)]


def test_each_shape_has_its_own_view() -> None:
    target = a_target("atlas/a", capabilities=("vision",))
    rows = {"target/breeze/b": learned(a_rest(NOW + 5, shape="tools"))}
    snapshot = a_snapshot(a_catalog(CHAT, targets=(target,)), rows)
    reasons = {shape: [c.reasons for c in pool_view(snapshot, "chat", shape, NOW)] for shape in Shape}
    assert reasons == {
        Shape.TEXT: [(), ()],
        Shape.TOOLS: [(Reason.CAPABILITY_MISSING,), (Reason.CAP_HELD, Reason.COOLDOWN_HEURISTIC)],
        Shape.VISION: [(), ()],
        Shape.TOOLS_VISION: [(Reason.CAPABILITY_MISSING,), ()],
        Shape.EMBEDDINGS: [(), ()],
    }


def test_a_view_asks_no_api_but_that_of_embeddings() -> None:
    providers = (a_provider("atlas", apis=(Api.MESSAGES,)), a_provider("breeze"))
    snapshot = a_snapshot(a_catalog(CHAT, providers=providers))
    assert [c.reasons for c in pool_view(snapshot, "chat", Shape.TEXT, NOW)] == [(), ()]
    embeddings = pool_view(snapshot, "chat", Shape.EMBEDDINGS, NOW)
    assert [c.reasons for c in embeddings] == [(Reason.API_UNSUPPORTED,), ()]


def test_a_view_of_an_unknown_pool_is_empty() -> None:
    assert pool_view(a_snapshot(a_catalog()), "chat", Shape.TEXT, NOW) == ()


def test_a_view_counts_any_quarantine_unless_it_is_told_which_credential_is_in_use() -> None:
    rows = {"provider/atlas": ProviderRow(quarantines=(a_quarantine("aa", NOW + 1),))}
    snapshot = a_snapshot(a_catalog(CHAT), rows)
    assert pool_view(snapshot, "chat", Shape.TEXT, NOW)[0].reasons == (Reason.QUARANTINED,)
    rotated = pool_view(snapshot, "chat", Shape.TEXT, NOW, fingerprints={"atlas": "bb"})
    assert rotated[0].state is Eligibility.ELIGIBLE


def test_a_target_view_knows_nothing_of_pools() -> None:
    rows: dict[str, Row] = {
        "pool/chat": PoolRow(state=DISABLED, members={"atlas/a": DISABLED}),
        "target/atlas/a": learned(a_rest(NOW + 5)),
    }
    found = target_view(a_snapshot(a_catalog(CHAT), rows), "atlas/a", Shape.TEXT, NOW)
    assert found is not None
    assert (found.state, found.reasons) == (Eligibility.SOFT_EXCLUDED, (Reason.COOLDOWN_HEURISTIC,))


def test_a_target_view_of_an_undeclared_target_and_of_an_unknown_one() -> None:
    snapshot = a_snapshot(a_catalog())
    found = target_view(snapshot, "atlas/new", Shape.TEXT, NOW)
    assert found is not None
    assert found.state is Eligibility.ELIGIBLE
    assert target_view(snapshot, "gone/new", Shape.TEXT, NOW) is None


def test_a_pool_serves_while_any_member_may_return() -> None:
    stated = learned(a_rest(NOW + 5, provenance=Provenance.STATED))
    snapshot = a_snapshot(
        a_catalog(CHAT), {"target/atlas/a": stated, "target/breeze/b": TargetRow(state=DISABLED)}
    )
    assert pool_serves(snapshot, "chat")
    assert pool_serves(snapshot, "atlas/exact")


@pytest.mark.parametrize(
    "row", [PoolRow(state=DISABLED), PoolRow(members={"atlas/a": DISABLED, "breeze/b": DISABLED})]
)
def test_a_pool_that_operators_closed_does_not_serve(row) -> None:
    assert not pool_serves(a_snapshot(a_catalog(CHAT), {"pool/chat": row}), "chat")


def test_a_pool_serves_again_when_the_state_has_expired() -> None:
    row = PoolRow(state=a_state(AdminState.DISABLED, until_ms=NOW + 10))
    snapshot = a_snapshot(a_catalog(CHAT), {"pool/chat": row})
    assert not pool_serves(snapshot, "chat")
    assert pool_serves(snapshot, "chat", NOW + 10)


def test_an_unknown_and_an_empty_pool_do_not_serve() -> None:
    snapshot = a_snapshot(a_catalog(a_pool("empty")))
    assert not pool_serves(snapshot, "unknown")
    assert not pool_serves(snapshot, "empty")
