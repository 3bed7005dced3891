"""What stands against one candidate at one moment."""

import pytest

from interlock_domain.catalog.pool import Pool
from interlock_domain.health.half_open import lottery, slot_owner
from interlock_domain.routing.decision import Candidate, Traits
from interlock_domain.routing.eligibility import STALE_AFTER_MS
from interlock_domain.rows import CommitRow, PoolRow, ProviderRow, TargetRow
from interlock_domain.words import AdminState, Eligibility, FailureClass, Provenance, Reason, Shape
from tests.libs.interlock_domain.routing.asking import decide, of
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

LARGE = "atlas/large"
CHAT = a_pool("chat", LARGE, "breeze/large", "cirrus/large")
HARD, SOFT = Eligibility.HARD_EXCLUDED, Eligibility.SOFT_EXCLUDED
GATEWAYS = ("g1", "g2", "g3")


def candidate(row: Row | None, key: str = f"target/{LARGE}", *, pool: Pool = CHAT, **asked) -> Candidate:
    """What stands against atlas/large when one row says something; the pool row names three gateways."""
    rows: dict[str, Row] = {"pool/chat": PoolRow(gateways=GATEWAYS)}
    if row is not None:
        rows[key] = row
    return of(decide(a_snapshot(a_catalog(pool), rows), **asked), LARGE)


def owner(at_ms: int, interval_ms: int, *, subject: str = LARGE, shape: str = "text") -> str:
    return slot_owner(subject, shape, at_ms // interval_ms, GATEWAYS)


def another(gateway: str) -> str:
    return next(name for name in GATEWAYS if name != gateway)


def test_nothing_stands_against_a_target_without_rows() -> None:
    found = candidate(None)
    assert (found.state, found.reasons, found.rank) == (Eligibility.ELIGIBLE, (), 1)


@pytest.mark.parametrize(
    ("provenance", "reason"),
    [
        (Provenance.HEURISTIC, Reason.COOLDOWN_HEURISTIC),
        (Provenance.STATED, Reason.COOLDOWN_STATED),
    ],
)
def test_a_learned_rest_excludes_until_its_end_and_names_its_evidence(provenance, reason) -> None:
    rest = a_rest(NOW + 500, provenance=provenance, evidence=(40, 41), failure=FailureClass.RATE_LIMIT)
    assert candidate(learned(rest)) == Candidate(
        target=LARGE,
        state=SOFT,
        reasons=(reason,),
        until_ms=NOW + 500,
        cause=41,
        failure=FailureClass.RATE_LIMIT,
    )


def test_a_rest_that_an_operator_set_excludes() -> None:
    row = TargetRow(operator=(a_rest(NOW + 1, provenance=Provenance.OPERATOR),))
    found = candidate(row)
    assert (found.state, found.reasons, found.cause) == (SOFT, (Reason.COOLDOWN_OPERATOR,), None)


def test_a_rest_of_all_shapes_counts_for_each_and_one_of_another_shape_does_not() -> None:
    assert candidate(learned(a_rest(NOW + 1, shape="*"))).rank is None
    assert candidate(learned(a_rest(NOW + 1, shape="tools"))).state is Eligibility.ELIGIBLE
    tools = Traits(shape=Shape.TOOLS, needs=("tools",))
    assert candidate(learned(a_rest(NOW + 1, shape="tools")), traits=tools).rank is None


def test_several_reasons_are_listed_with_the_most_binding_and_longest_first() -> None:
    row = TargetRow(
        learned=(
            a_rest(NOW + 9, shape="text", evidence=(1,)),
            a_rest(NOW + 20, shape="*", provenance=Provenance.STATED, evidence=(2,)),
        ),
        operator=(a_rest(NOW + 30, shape="text", provenance=Provenance.OPERATOR, evidence=(3,)),),
    )
    found = candidate(row, local=(LARGE,))
    assert found.reasons == (
        Reason.COOLDOWN_OPERATOR,
        Reason.COOLDOWN_STATED,
        Reason.COOLDOWN_HEURISTIC,
        Reason.LOCAL_BREAKER,
    )
    assert (found.cause, found.until_ms) == (3, NOW + 30)


def test_the_same_reason_is_listed_once() -> None:
    found = candidate(learned(a_rest(NOW + 9), a_rest(NOW + 20, shape="*")))
    assert found.reasons == (Reason.COOLDOWN_HEURISTIC,)
    assert found.until_ms == NOW + 20


@pytest.mark.parametrize(
    ("state", "reasons"),
    [
        (
            AdminState.DISABLED,
            (
                Reason.TARGET_DISABLED,
                Reason.PROVIDER_DISABLED,
                Reason.POOL_DISABLED,
                Reason.MEMBER_DISABLED,
            ),
        ),
        (
            AdminState.DRAINED,
            (
                Reason.TARGET_DRAINED,
                Reason.PROVIDER_DRAINED,
                Reason.POOL_DRAINED,
                Reason.MEMBER_DRAINED,
            ),
        ),
    ],
)
def test_each_state_that_an_operator_sets_has_its_own_reason(state, reasons) -> None:
    row = a_state(state, position=77)
    found = [
        candidate(TargetRow(state=row)),
        candidate(ProviderRow(state=row), "provider/atlas"),
        candidate(PoolRow(state=row), "pool/chat"),
        candidate(PoolRow(members={LARGE: row}), "pool/chat"),
    ]
    assert [one.reasons for one in found] == [(reason,) for reason in reasons]
    assert all((one.state, one.cause, one.until_ms) == (HARD, 77, None) for one in found)


def test_a_state_ends_at_its_expiry() -> None:
    assert candidate(TargetRow(state=a_state(AdminState.DISABLED, until_ms=NOW + 1))).until_ms == NOW + 1
    ended = candidate(TargetRow(state=a_state(AdminState.DISABLED, until_ms=NOW)))
    assert ended.state is Eligibility.ELIGIBLE


def test_a_state_row_that_says_enabled_excludes_nothing() -> None:
    assert candidate(TargetRow(state=a_state(AdminState.ENABLED))).state is Eligibility.ELIGIBLE


def test_a_member_state_leaves_the_target_in_another_pool_alone() -> None:
    snapshot = a_snapshot(
        a_catalog(a_pool("chat", LARGE), a_pool("fast", LARGE)),
        {"pool/chat": PoolRow(members={LARGE: a_state(AdminState.DISABLED)})},
    )
    assert of(decide(snapshot, "chat"), LARGE).state is HARD
    assert of(decide(snapshot, "fast"), LARGE).state is Eligibility.ELIGIBLE


def test_a_decision_without_end_hides_the_end_of_what_is_softer() -> None:
    row = TargetRow(state=a_state(AdminState.DISABLED), learned=(a_rest(NOW + 5),))
    found = candidate(row)
    assert found.reasons == (Reason.TARGET_DISABLED, Reason.COOLDOWN_HEURISTIC)
    assert found.until_ms is None


def test_a_target_that_is_out_waits_for_its_recheck() -> None:
    found = candidate(TargetRow(out=an_out(NOW + 1, evidence=(5, 9))))
    assert (found.state, found.reasons) == (SOFT, (Reason.TARGET_OUT,))
    assert (found.until_ms, found.cause, found.failure) == (NOW + 1, 9, FailureClass.NOT_FOUND)


def test_the_recheck_of_a_target_that_is_out_is_the_slot_owners_one_request() -> None:
    row, turn = TargetRow(out=an_out(NOW)), owner(NOW, 300_000, shape="*")
    assert candidate(row, gateway=turn).probe
    waiting = candidate(row, gateway=another(turn))
    assert waiting.reasons == (Reason.TARGET_OUT,)
    assert waiting.until_ms == (NOW // 300_000 + 1) * 300_000


def test_a_quarantine_excludes_hard_and_only_the_credential_in_use() -> None:
    row = ProviderRow(quarantines=(a_quarantine("aa", NOW + 1, evidence=(3,)),))
    found = candidate(row, "provider/atlas", fingerprints={"atlas": "aa"})
    assert (found.state, found.reasons) == (HARD, (Reason.QUARANTINED,))
    assert (found.until_ms, found.cause, found.failure) == (NOW + 1, 3, FailureClass.AUTH)
    for fingerprints in ({}, {"atlas": "bb"}, {"breeze": "aa"}):
        clean = candidate(row, "provider/atlas", fingerprints=fingerprints)
        assert clean.state is Eligibility.ELIGIBLE


def test_a_quarantine_is_rechecked_by_one_request_for_all_targets_of_the_provider() -> None:
    pool = a_pool("chat", LARGE, "atlas/small", "breeze/large")
    row = ProviderRow(quarantines=(a_quarantine("aa", NOW),))
    snapshot = a_snapshot(a_catalog(pool), {"provider/atlas": row})
    fingerprints = {"atlas": "aa"}
    first = decide(snapshot, fingerprints=fingerprints)
    assert [c.target for c in first.candidates if c.probe] == [LARGE]
    assert of(first, "atlas/small").state is HARD
    second = decide(snapshot, fingerprints=fingerprints, probed=(LARGE,))
    assert not any(c.probe for c in second.candidates)


def test_a_half_open_target_is_probed_by_the_slot_owner_alone() -> None:
    row, turn = learned(a_rest(NOW, evidence=(8,), failure=FailureClass.TIMEOUT)), owner(NOW, 5_000)
    assert candidate(row, gateway=turn) == Candidate(
        target=LARGE,
        state=Eligibility.DEGRADED,
        reasons=(Reason.PROBE,),
        rank=1,
        probe=True,
        cause=8,
        failure=FailureClass.TIMEOUT,
    )
    other = candidate(row, gateway=another(turn))
    assert (other.state, other.reasons, other.rank) == (SOFT, (Reason.HALF_OPEN,), None)
    assert other.until_ms == (NOW // 5_000 + 1) * 5_000


def test_one_probe_a_slot_is_given_away() -> None:
    row, turn = learned(a_rest(NOW)), owner(NOW, 5_000)
    assert candidate(row, gateway=turn, probed=(LARGE,)).reasons == (Reason.HALF_OPEN,)
    assert candidate(row, gateway=turn, probed=("breeze/large",)).probe


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_one_worker_of_the_owner_probes_and_another_one_in_the_next_slot(workers: int) -> None:
    def probes(number: int, at_ms: int) -> bool:
        row, turn = learned(a_rest(NOW)), owner(at_ms, 5_000)
        return candidate(row, gateway=turn, worker=number, workers=workers, as_of_ms=at_ms).probe

    numbers = range(1, workers + 1)
    slots = [[n for n in numbers if probes(n, NOW + slot * 5_000)] for slot in range(workers)]
    assert [len(one) for one in slots] == [1] * workers
    assert {one for (one,) in slots} == set(numbers)


def test_a_gateway_whose_own_breaker_is_open_passes() -> None:
    row, turn = learned(a_rest(NOW)), owner(NOW, 5_000)
    found = candidate(row, gateway=turn, local=(LARGE,))
    assert found.reasons == (Reason.HALF_OPEN, Reason.LOCAL_BREAKER)
    assert not found.probe


def test_a_target_that_also_rests_otherwise_is_not_probed() -> None:
    rests = learned(a_rest(NOW), a_rest(NOW + 5, shape="*", provenance=Provenance.STATED))
    found = candidate(rests, gateway=owner(NOW, 5_000))
    assert (found.probe, found.reasons) == (False, (Reason.COOLDOWN_STATED, Reason.HALF_OPEN))


def test_of_two_rests_that_wait_for_a_probe_the_one_of_all_shapes_decides_whose_turn_it_is() -> None:
    rests = learned(a_rest(NOW), a_rest(NOW, shape="*"))
    probing = [g for g in GATEWAYS if candidate(rests, gateway=g).probe]
    assert probing == [owner(NOW, 5_000, shape="*")]


@pytest.mark.parametrize(
    ("row", "commit", "expected"),
    [
        (PoolRow(gateways=("g9",)), ("g1",), False),
        (PoolRow(), ("g1",), True),
        (PoolRow(), ("g9",), False),
        (PoolRow(), (), True),
    ],
)
def test_turns_are_taken_by_the_pools_gateways_else_all_live_ones_else_this_one(
    row, commit, expected
) -> None:
    rows: dict[str, Row] = {"pool/chat": row, f"target/{LARGE}": learned(a_rest(NOW))}
    snapshot = a_snapshot(a_catalog(CHAT), rows, gateways=commit)
    assert of(decide(snapshot), LARGE).probe is expected


def test_a_snapshot_without_pool_rows_asks_its_commit() -> None:
    snapshot = a_snapshot(a_catalog(CHAT), {f"target/{LARGE}": learned(a_rest(NOW))}, gateways=("g9",))
    assert isinstance(snapshot.commit, CommitRow)
    assert not of(decide(snapshot, gateway="g1"), LARGE).probe
    assert of(decide(snapshot, gateway="g9"), LARGE).probe


def test_a_ramp_admits_its_share_of_requests() -> None:
    row = learned(a_rest(NOW - 20_000, returned_ms=NOW - 15_000))
    admitted = [candidate(row, seed=seed).state is Eligibility.ELIGIBLE for seed in range(400)]
    assert admitted == [lottery(seed, LARGE) < 0.55 for seed in range(400)]
    assert 180 < sum(admitted) < 260


def test_a_candidate_that_lost_the_ramps_lottery_is_ramping_and_still_ranked_last() -> None:
    row = learned(a_rest(NOW - 20_000, returned_ms=NOW - 15_000, evidence=(6,)))
    losing = next(seed for seed in range(100) if lottery(seed, LARGE) >= 0.55)
    found = candidate(row, seed=losing)
    assert (found.state, found.reasons, found.rank) == (SOFT, (Reason.RAMPING,), 3)
    assert (found.until_ms, found.cause) == (NOW + 15_000, 6)


def test_a_rest_whose_ramp_is_over_says_nothing() -> None:
    assert candidate(learned(a_rest(NOW - 40_000, returned_ms=NOW - 30_000))).state is Eligibility.ELIGIBLE


def test_a_context_that_does_not_fit_excludes_and_one_that_is_not_known_does_not() -> None:
    pool = a_pool("chat", LARGE, "breeze/large")
    catalog = a_catalog(pool, targets=(a_target(LARGE, context_window=1_000),))
    snapshot = a_snapshot(catalog)
    for tokens, state in ((1_001, HARD), (1_000, Eligibility.ELIGIBLE), (None, Eligibility.ELIGIBLE)):
        assert of(decide(snapshot, traits=Traits(context_tokens=tokens)), LARGE).state is state
    found = of(decide(snapshot, traits=Traits(context_tokens=1_001)), LARGE)
    assert found.reasons == (Reason.CONTEXT_WINDOW,)


def test_a_target_that_cannot_stream_is_out_of_streamed_requests_alone() -> None:
    catalog = a_catalog(a_pool("chat", LARGE, "breeze/large"), targets=(a_target(LARGE, streams=False),))
    snapshot = a_snapshot(catalog)
    for _ in range(2):
        found = of(decide(snapshot, traits=Traits(stream=True)), LARGE)
        assert (found.state, found.reasons) == (HARD, (Reason.CAPABILITY_MISSING,))
        assert of(decide(snapshot, traits=Traits()), LARGE).state is Eligibility.ELIGIBLE
    silent = a_snapshot(a_catalog(a_pool("chat", LARGE), targets=(a_target(LARGE),)))
    assert of(decide(silent, traits=Traits(stream=True)), LARGE).state is Eligibility.ELIGIBLE


def test_a_stale_snapshot_keeps_only_what_somebody_else_than_us_asked_for() -> None:
    later = NOW + STALE_AFTER_MS + 1
    far = later + 9_000
    said = TargetRow(
        learned=(a_rest(far, provenance=Provenance.STATED),),
        operator=(a_rest(far, provenance=Provenance.OPERATOR),),
    )
    assert candidate(said, as_of_ms=later).reasons == (Reason.COOLDOWN_OPERATOR, Reason.COOLDOWN_STATED)
    for guess in (
        a_rest(far),
        a_rest(NOW),
        a_rest(NOW, provenance=Provenance.STATED),
        a_rest(NOW, returned_ms=later - 1),
    ):
        assert candidate(learned(guess), as_of_ms=later, gateway="g9").state is Eligibility.ELIGIBLE
    assert candidate(learned(a_rest(far)), as_of_ms=later - 1).reasons == (Reason.COOLDOWN_HEURISTIC,)
