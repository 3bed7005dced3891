"""Groups, the cap, the probe, and the last member."""

import pytest

from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.catalog.pool import Member
from interlock_domain.health.half_open import lottery
from interlock_domain.routing.decision import Decision
from interlock_domain.rows import PoolRow, TargetRow
from interlock_domain.words import AdminState, Eligibility, Provenance, Reason, StrategyName
from tests.libs.interlock_domain.routing.asking import decide, of, order
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    Row,
    a_catalog,
    a_pool,
    a_rest,
    a_snapshot,
    a_state,
    learned,
)

OTHERS = PoolRow(gateways=("g9",))
"""Another gateway probes, so that half-open targets stay out here."""


def cooled(opened_ms: int = NOW - 10_000, **fields) -> TargetRow:
    return learned(a_rest(NOW + 60_000, opened_ms=opened_ms, **fields))


def planned(members: dict[str, TargetRow | None], *, policy: PoolPolicy | None = None, **asked) -> Decision:
    rows: dict[str, Row] = {f"target/{name}": row for name, row in members.items() if row is not None}
    rows["pool/chat"] = OTHERS
    return decide(a_snapshot(a_catalog(a_pool("chat", *members, policy=policy)), rows), **asked)


def losing_seed(*targets: str) -> int:
    return next(s for s in range(10_000) if all(lottery(s, target) >= 0.9 for target in targets))


def test_candidates_are_ranked_first_and_then_those_passed_over_in_pool_order() -> None:
    found = planned(
        {"a/1": cooled(1), "a/2": None, "a/3": cooled(2, provenance=Provenance.STATED), "a/4": None}
    )
    assert [(c.target, c.rank) for c in found.candidates] == [
        ("a/2", 1),
        ("a/4", 2),
        ("a/1", None),
        ("a/3", None),
    ]


def test_a_lower_priority_number_is_tried_first_in_every_strategy() -> None:
    members = [Member(target=f"a/{i}", priority=3 - i, weight=i + 1) for i in range(3)]
    for strategy in StrategyName:
        pool = a_pool("chat", *members, strategy=strategy)
        assert order(decide(a_snapshot(a_catalog(pool)))) == ["a/2", "a/1", "a/0"]


def test_the_strategy_orders_the_members_of_one_tier() -> None:
    members = [Member(target=f"a/{i}", priority=1 + i // 3, weight=2) for i in range(6)]
    pool = a_pool("chat", *members, strategy=StrategyName.WEIGHTED_RANDOM)
    snapshot = a_snapshot(a_catalog(pool))
    orders = {tuple(order(decide(snapshot, seed=seed))) for seed in range(300)}
    assert len(orders) == 36
    assert all(set(found[:3]) == {"a/0", "a/1", "a/2"} for found in orders)


def test_the_oldest_rests_stay_and_the_newest_are_held_in_by_the_cap() -> None:
    found = planned({"a/1": cooled(300), "a/2": cooled(100), "a/3": cooled(200), "a/4": cooled(400)})
    assert order(found) == ["a/1", "a/4"]
    held = of(found, "a/1")
    assert held.state is Eligibility.DEGRADED
    assert held.reasons == (Reason.CAP_HELD, Reason.COOLDOWN_HEURISTIC)
    assert held.until_ms == NOW + 60_000
    assert of(found, "a/2").state is Eligibility.SOFT_EXCLUDED


def test_rests_of_one_age_are_told_apart_by_target() -> None:
    found = planned({"a/2": cooled(5), "a/1": cooled(5)})
    assert order(found) == ["a/2"]


def test_at_least_one_member_may_always_be_excluded() -> None:
    policy = PoolPolicy(max_excluded=0.0)
    found = planned({"a/1": cooled(1), "a/2": cooled(2), "a/3": None}, policy=policy)
    assert order(found) == ["a/3", "a/2"]


def test_the_last_member_is_never_excluded_by_our_own_caution() -> None:
    found = planned({"a/1": cooled()})
    assert order(found) == ["a/1"]
    everything = PoolPolicy(max_excluded=1.0)
    found = planned({"a/1": cooled(1), "a/2": cooled(2), "a/3": cooled(3)}, policy=everything)
    assert order(found) == ["a/3"]


def test_what_upstream_or_an_operator_said_is_outside_the_cap() -> None:
    stated = cooled(1, provenance=Provenance.STATED)
    disabled = TargetRow(state=a_state(AdminState.DISABLED))
    found = planned({"a/1": stated, "a/2": disabled, "a/3": cooled(2), "a/4": cooled(3)})
    assert order(found) == ["a/4"]
    assert order(planned({"a/1": stated})) == []
    assert order(planned({"a/1": stated, "a/2": cooled(2)})) == ["a/2"]


def test_waiting_for_a_probe_is_our_own_caution_whoever_asked_for_the_rest() -> None:
    waiting = learned(a_rest(NOW, provenance=Provenance.STATED))
    found = planned({"a/1": waiting})
    assert of(found, "a/1").reasons == (Reason.CAP_HELD, Reason.HALF_OPEN)
    assert of(found, "a/1").rank == 1


def test_groups_come_one_after_another_whatever_the_priority() -> None:
    ramping = learned(a_rest(NOW - 9_000, returned_ms=NOW))
    members = [Member(target=f"a/{i}", priority=i) for i in range(6)]
    rows: dict[str, Row] = {
        "target/a/0": cooled(10),
        "target/a/1": cooled(20),
        "target/a/2": ramping,
        "target/a/5": learned(a_rest(NOW)),
    }
    snapshot = a_snapshot(a_catalog(a_pool("chat", *members, policy=PoolPolicy(max_excluded=0.1))), rows)
    found = decide(snapshot, seed=losing_seed("a/2"))
    assert [(c.target, c.reasons[:1]) for c in found.candidates] == [
        ("a/5", (Reason.PROBE,)),
        ("a/3", ()),
        ("a/4", ()),
        ("a/2", (Reason.RAMPING,)),
        ("a/1", (Reason.CAP_HELD,)),
        ("a/0", (Reason.COOLDOWN_HEURISTIC,)),
    ]


def test_a_request_probes_at_most_one_candidate_the_first_in_order() -> None:
    waiting = learned(a_rest(NOW))
    rows: dict[str, Row] = {f"target/a/{i}": waiting for i in (1, 2)}
    members = [
        Member(target="a/1", priority=2),
        Member(target="a/2"),
        Member(target="a/3"),
        Member(target="a/4"),
    ]
    found = decide(a_snapshot(a_catalog(a_pool("chat", *members)), rows))
    assert order(found) == ["a/2", "a/3", "a/4"]
    assert of(found, "a/1").reasons == (Reason.HALF_OPEN,)


def test_the_local_breaker_excludes_but_never_the_last_member() -> None:
    clean: dict[str, TargetRow | None] = {"a/1": None, "a/2": None}
    found = planned(clean, local=("a/1",))
    assert order(found) == ["a/2"]
    assert of(found, "a/1").reasons == (Reason.LOCAL_BREAKER,)
    found = planned(clean, local=("a/1", "a/2"))
    assert order(found) == ["a/1"]
    kept = of(found, "a/1")
    assert (kept.state, kept.reasons) == (Eligibility.DEGRADED, (Reason.LOCAL_BREAKER,))
    assert of(found, "a/2").state is Eligibility.SOFT_EXCLUDED


def test_local_bits_give_way_also_where_the_cap_had_held_a_member_in() -> None:
    found = planned({"a/1": cooled(1), "a/2": cooled(2)}, local=("a/2",))
    assert order(found) == ["a/2"]
    assert of(found, "a/2").reasons == (Reason.CAP_HELD, Reason.COOLDOWN_HEURISTIC, Reason.LOCAL_BREAKER)


def test_a_ramping_candidate_with_an_open_breaker_is_passed_over() -> None:
    ramping = learned(a_rest(NOW - 9_000, returned_ms=NOW))
    seed = losing_seed("a/1")
    found = planned({"a/1": ramping, "a/2": None}, local=("a/1",), seed=seed)
    assert of(found, "a/1").reasons == (Reason.LOCAL_BREAKER, Reason.RAMPING)
    assert order(found) == ["a/2"]


@pytest.mark.parametrize("strategy", list(StrategyName))
def test_nobody_is_ranked_when_everything_is_excluded_by_others(strategy: StrategyName) -> None:
    row = TargetRow(state=a_state(AdminState.DRAINED))
    pool = a_pool("chat", "a/1", "a/2", strategy=strategy)
    found = decide(a_snapshot(a_catalog(pool), {"target/a/1": row, "target/a/2": row}))
    assert found.ranked() == ()
    assert [c.target for c in found.candidates] == ["a/1", "a/2"]
