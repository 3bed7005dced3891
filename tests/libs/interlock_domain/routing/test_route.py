"""route(): resolution, the still lane, and properties over generated tables and questions."""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.pool import Member
from interlock_domain.routing.decision import (
    Decision,
    RouteInputs,
    Traits,
    UnknownModel,
    encode_plan,
)
from interlock_domain.routing.route import SETTLED_KEPT, route
from interlock_domain.rows import PoolRow, ProviderRow, TargetRow
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import AdminState, Api, Eligibility, Provenance, Reason, Shape, StrategyName
from tests.libs.interlock_domain.routing.asking import decide, inputs, of, order
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    Row,
    a_catalog,
    a_pool,
    a_quarantine,
    a_rest,
    a_snapshot,
    a_state,
    a_target,
    an_out,
    learned,
)


def test_an_unknown_model_is_a_value() -> None:
    assert route(a_snapshot(a_catalog()), inputs("nothing")) == UnknownModel("nothing")


def test_an_exact_name_is_a_pool_of_one() -> None:
    found = decide(a_snapshot(a_catalog()), "atlas/org/model")
    assert (found.pool, order(found)) == ("atlas/org/model", ["atlas/org/model"])


def test_our_own_caution_never_refuses_an_exact_name() -> None:
    snapshot = a_snapshot(a_catalog(), {"target/atlas/large": learned(a_rest(NOW + 9))})
    assert order(decide(snapshot, "atlas/large")) == ["atlas/large"]


def test_an_empty_pool_gives_an_empty_decision() -> None:
    for strategy in StrategyName:
        found = decide(a_snapshot(a_catalog(a_pool("chat", strategy=strategy))))
        assert found == Decision(pool="chat", strategy=strategy, candidates=())


def test_in_a_still_lane_all_requests_share_one_decision() -> None:
    snapshot = a_snapshot(a_catalog(a_pool("chat", "atlas/a", "atlas/b")))
    assert decide(snapshot, seed=1) is decide(snapshot, seed=2, turn=5, as_of_ms=NOW + 9)


def test_breakers_of_targets_elsewhere_do_not_disturb_a_still_lane() -> None:
    snapshot = a_snapshot(a_catalog(a_pool("chat", "atlas/a", "atlas/b")))
    assert decide(snapshot, local=("breeze/x",)) is decide(snapshot)
    assert order(decide(snapshot, local=("atlas/a",))) == ["atlas/b"]


def test_structure_excludes_in_a_still_lane() -> None:
    pool = a_pool("chat", "atlas/a", "atlas/b", "atlas/c", strategy=StrategyName.WEIGHTED_RANDOM)
    snapshot = a_snapshot(a_catalog(pool, targets=(a_target("atlas/b", capabilities=()),)))
    tools = Traits(shape=Shape.TOOLS, needs=("tools",))
    found = [decide(snapshot, traits=tools, seed=seed) for seed in range(50)]
    assert {tuple(order(one)) for one in found} == {("atlas/a", "atlas/c"), ("atlas/c", "atlas/a")}
    assert all(of(one, "atlas/b").reasons == (Reason.CAPABILITY_MISSING,) for one in found)
    assert of(found[0], "atlas/b").state is Eligibility.HARD_EXCLUDED


def test_round_robin_gives_exact_shares_over_a_full_cycle() -> None:
    members = [Member(target=f"atlas/{i}", weight=weight) for i, weight in enumerate((5, 3, 2))]
    pool = a_pool("chat", *members, strategy=StrategyName.WEIGHTED_ROUND_ROBIN)
    for rows in ({}, {"target/atlas/9": learned(a_rest(NOW + 1))}):
        snapshot = a_snapshot(a_catalog(pool), rows)
        first = Counter(order(decide(snapshot, turn=turn))[0] for turn in range(20, 30))
        assert first == {"atlas/0": 5, "atlas/1": 3, "atlas/2": 2}


def test_round_robin_shares_are_exact_among_the_eligible_members() -> None:
    members = [Member(target=f"atlas/{i}", weight=weight) for i, weight in enumerate((5, 3, 2))]
    pool = a_pool("chat", *members, strategy=StrategyName.WEIGHTED_ROUND_ROBIN)
    snapshot = a_snapshot(a_catalog(pool), {"target/atlas/0": learned(a_rest(NOW + 1))})
    first = Counter(order(decide(snapshot, turn=turn))[0] for turn in range(5))
    assert first == {"atlas/1": 3, "atlas/2": 2}


def test_decisions_kept_for_a_still_lane_are_bounded() -> None:
    members = [f"atlas/{i}" for i in range(8)]
    pool = a_pool("chat", *members, strategy=StrategyName.WEIGHTED_RANDOM)
    snapshot = a_snapshot(a_catalog(pool))
    for seed in range(SETTLED_KEPT + 200):
        assert sorted(order(decide(snapshot, seed=seed))) == members
    (lane,) = snapshot.pools["chat"].lanes.values()
    assert len(lane.settled) == SETTLED_KEPT


# --- properties ------------------------------------------------------------------------------

TARGETS = [f"{provider}/{model}" for provider in ("atlas", "breeze") for model in ("a", "b", "c")]
moments = st.integers(NOW - 60_000, NOW + 60_000)
rests = st.builds(
    a_rest,
    moments,
    shape=st.sampled_from(["text", "tools", "*"]),
    provenance=st.sampled_from(Provenance),
    opened_ms=moments,
    returned_ms=st.none() | moments,
    evidence=st.tuples(st.integers(1, 9)),
)
states = st.builds(
    a_state, st.sampled_from(AdminState), until_ms=st.none() | moments, position=st.integers(0, 9)
)
target_rows = st.builds(
    TargetRow,
    state=st.none() | states,
    learned=st.lists(rests, max_size=2).map(tuple),
    operator=st.lists(rests, max_size=1).map(tuple),
    out=st.none() | st.builds(an_out, moments),
)
provider_rows = st.builds(
    ProviderRow,
    state=st.none() | states,
    quarantines=st.lists(st.builds(a_quarantine, st.sampled_from("xy"), moments), max_size=1).map(tuple),
)
pool_rows = st.builds(
    PoolRow,
    state=st.none(),
    members=st.dictionaries(st.sampled_from(TARGETS), states, max_size=1),
    gateways=st.sampled_from([(), ("g1",), ("g1", "g2"), ("g2",)]),
)
declared = st.fixed_dictionaries(
    {},
    optional={
        "capabilities": st.sampled_from([("tools",), ()]),
        "context_window": st.just(100),
        "software_version": st.just("1.0"),
        "template_ok": st.booleans(),
        "streams": st.booleans(),
    },
)


@st.composite
def snapshots(draw) -> Snapshot:
    listed = draw(st.lists(st.sampled_from(TARGETS), unique=True, min_size=1, max_size=6))
    pool = a_pool(
        "chat",
        *(Member(target=t, priority=draw(st.integers(1, 2)), weight=draw(st.integers(0, 3))) for t in listed),
        strategy=draw(st.sampled_from(StrategyName)),
        min_software_version=draw(st.sampled_from([None, "1.1"])),
    )
    facts = draw(st.dictionaries(st.sampled_from(TARGETS), declared, max_size=2))
    rows: dict[str, Row] = {}
    for name, row in draw(st.dictionaries(st.sampled_from(TARGETS), target_rows, max_size=6)).items():
        rows[f"target/{name}"] = row
    for name, provider_row in draw(
        st.dictionaries(st.sampled_from(["atlas", "breeze"]), provider_rows, max_size=1)
    ).items():
        rows[f"provider/{name}"] = provider_row
    if draw(st.booleans()):
        rows["pool/chat"] = draw(pool_rows)
    return a_snapshot(a_catalog(pool, targets=tuple(a_target(t, **f) for t, f in facts.items())), rows)


questions = st.builds(
    RouteInputs,
    model=st.just("chat"),
    traits=st.builds(
        Traits,
        api=st.sampled_from([Api.CHAT, Api.MESSAGES]) | st.just(Api.CHAT),
        shape=st.sampled_from([Shape.TEXT, Shape.TOOLS]),
        needs=st.sampled_from([(), ("tools",)]),
        context_tokens=st.sampled_from([None, 10, 1_000]),
        stream=st.booleans(),
    ),
    as_of_ms=st.integers(NOW - 5_000, NOW + 5_000) | st.just(NOW + 400_000),
    seed=st.integers(0, (1 << 63) - 1),
    gateway=st.sampled_from(["g1", "g2"]),
    turn=st.integers(0, 1_000),
    local=st.lists(st.sampled_from(TARGETS), unique=True).map(tuple),
    probed=st.lists(st.sampled_from(TARGETS), unique=True, max_size=2).map(tuple),
    fingerprints=st.sampled_from([{}, {"atlas": "x"}, {"atlas": "x", "breeze": "y"}]),
)


@given(snapshots(), questions)
def test_a_decision_holds_every_member_once_with_contiguous_ranks_first(snapshot, asked) -> None:
    found = route(snapshot, asked)
    assert isinstance(found, Decision)
    listed = [member.target.id for member in snapshot.pools["chat"].members]
    assert sorted(c.target for c in found.candidates) == sorted(listed)
    ranks = [c.rank for c in found.candidates]
    ranked = [rank for rank in ranks if rank is not None]
    assert ranks == [*range(1, len(ranked) + 1), *([None] * (len(listed) - len(ranked)))]
    passed_over = [c.target for c in found.candidates if c.rank is None]
    assert passed_over == [target for target in listed if target in passed_over]


@given(snapshots(), questions)
def test_hard_excluded_is_never_ranked_and_eligible_always_is(snapshot, asked) -> None:
    found = route(snapshot, asked)
    assert isinstance(found, Decision)
    for c in found.candidates:
        assert (c.state is Eligibility.ELIGIBLE) is (not c.reasons)
        if c.rank is None:
            assert c.state in {Eligibility.HARD_EXCLUDED, Eligibility.SOFT_EXCLUDED}
        else:
            assert c.state is not Eligibility.HARD_EXCLUDED
    probes = [c.rank for c in found.candidates if c.probe]
    assert probes in ([], [1])


OURS = {Reason.COOLDOWN_HEURISTIC, Reason.HALF_OPEN, Reason.LOCAL_BREAKER, Reason.RAMPING, Reason.CAP_HELD}


@given(snapshots(), questions)
def test_our_own_caution_and_breakers_never_leave_nobody(snapshot, asked) -> None:
    found = route(snapshot, asked)
    assert isinstance(found, Decision)
    if any(set(c.reasons) <= OURS for c in found.candidates):
        assert found.ranked()


@given(snapshots(), questions)
def test_equal_arguments_give_equal_bytes_also_when_nothing_is_remembered(snapshot, asked) -> None:
    found = route(snapshot, asked)
    assert isinstance(found, Decision)
    for pool in snapshot.pools.values():
        pool.lanes.clear()
    copied = msgspec.json.decode(msgspec.json.encode(asked), type=RouteInputs)
    again = route(snapshot, copied)
    assert isinstance(again, Decision)
    assert encode_plan(again) == encode_plan(found)


@given(snapshots(), questions)
def test_a_decision_survives_its_encoding(snapshot, asked) -> None:
    found = route(snapshot, asked)
    assert isinstance(found, Decision)
    decoded = msgspec.json.decode(encode_plan(found), type=Decision)
    assert decoded == found
    assert encode_plan(decoded) == encode_plan(found)
