"""State and snapshot at a past moment."""

from interlock_domain.catalog.provider import Provider
from interlock_domain.digest import table_digest
from interlock_domain.events import (
    ConfigApplied,
    CooldownLifted,
    CooldownSet,
    PoolDefined,
    ProviderDefined,
    TargetDefined,
)
from interlock_domain.projection.checkpoint import fork, state_digest
from interlock_domain.projection.rows import all_rows
from interlock_domain.projection.state import empty_state
from interlock_domain.replay.at import fold_to, fold_until, snapshot_of
from interlock_domain.replay.recompute import Verdict, recompute
from interlock_domain.routing.views import pool_view
from interlock_domain.snapshot.consistency import Inconsistency, Inconsistent
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import Eligibility, Shape
from tests.libs.interlock_domain.replay.records import a_record, batch, logged
from tests.libs.interlock_domain.routing.asking import decide, inputs, order
from tests.libs.interlock_domain.snapshot.tables import a_pool, a_target

LARGE = "atlas/large"
LOG = [
    *batch(
        logged(
            1,
            ConfigApplied(revision=1, base_revision=0, digest="d", origin="file"),
            stream="config",
            version=1,
        ),
        logged(
            2,
            ProviderDefined(provider=Provider(name="atlas", base_url="http://atlas.test/v1")),
            stream="provider/atlas",
            version=1,
        ),
        logged(3, TargetDefined(target=a_target(LARGE)), stream=f"target/{LARGE}", version=1),
        logged(4, PoolDefined(pool=a_pool("chat", LARGE, "atlas/small")), stream="pool/chat", version=1),
    ),
    logged(5, CooldownSet(target=LARGE, shape="*", duration_ms=60_000), stream=f"target/{LARGE}", version=2),
    logged(6, CooldownLifted(target=LARGE, shape="*"), stream=f"target/{LARGE}", version=3),
]


def snapshot_at(position: int) -> Snapshot:
    found = snapshot_of(fold_to(LOG, empty_state(), position), generation=1)
    assert isinstance(found, Snapshot), found
    return found


def test_the_state_at_a_position_holds_the_records_up_to_it() -> None:
    assert [fold_to(LOG, empty_state(), position).position for position in (4, 5, 6, 99)] == [4, 5, 6, 6]
    assert fold_to(LOG, empty_state()).position == 6


def test_a_position_inside_a_batch_means_the_state_before_it() -> None:
    assert fold_to(LOG, empty_state(), 3).position == 0


def test_folding_in_two_steps_is_folding_at_once() -> None:
    halfway = fold_to(LOG, empty_state(), 5)
    whole = fold_to(LOG[5:], fork(halfway))
    assert state_digest(whole) == state_digest(fold_to(LOG, empty_state()))
    assert halfway.position == 5


def test_the_state_at_a_time_holds_what_was_appended_until_then() -> None:
    assert [fold_until(LOG, empty_state(), at).position for at in (3_999, 4_000, 5_500, 9_000)] == [
        0,
        4,
        5,
        6,
    ]


def test_the_snapshot_at_a_position_is_the_one_that_gateways_had() -> None:
    before, during, after = (snapshot_at(position) for position in (4, 5, 6))
    assert [s.version for s in (before, during, after)] == ["g1:4", "g1:5", "g1:6"]
    assert order(decide(during, as_of_ms=during.log_ms)) == ["atlas/small"]
    assert order(decide(after, as_of_ms=after.log_ms)) == [LARGE, "atlas/small"]
    view = pool_view(during, "chat", Shape.TEXT, during.log_ms)
    assert [c.state for c in view] == [Eligibility.SOFT_EXCLUDED, Eligibility.ELIGIBLE]


def test_fold_and_snapshot_agree_about_the_digest() -> None:
    state = fold_to(LOG, empty_state(), 5)
    assert snapshot_at(5).digest == table_digest(all_rows(state))


def test_before_the_first_configuration_there_is_no_snapshot() -> None:
    found = snapshot_of(empty_state(), generation=1)
    assert isinstance(found, Inconsistent)
    assert found.reason is Inconsistency.EMPTY_SET


def test_a_decision_is_recomputed_from_the_log() -> None:
    record = a_record(snapshot_at(5), inputs(as_of_ms=5_100))
    assert recompute(snapshot_at(5), record) is Verdict.EQUAL
