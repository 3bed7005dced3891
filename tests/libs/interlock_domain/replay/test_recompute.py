"""The proof of a recorded decision."""

from msgspec.structs import replace

from interlock_domain.replay.recompute import Verdict, prove, recompute
from interlock_domain.routing.decision import ENGINE
from interlock_domain.words import Result
from tests.libs.interlock_domain.replay.records import a_record
from tests.libs.interlock_domain.routing.asking import inputs
from tests.libs.interlock_domain.snapshot.tables import NOW, a_catalog, a_pool, a_rest, a_snapshot, learned

SNAPSHOT = a_snapshot(
    a_catalog(a_pool("chat", "atlas/large", "breeze/large")),
    {"target/atlas/large": learned(a_rest(NOW + 5))},
)
RECORD = a_record(SNAPSHOT, inputs())


def test_a_true_record_is_equal() -> None:
    proof = prove(SNAPSHOT, RECORD)
    assert (proof.verdict, proof.engine, proof.recomputed_equal) == (Verdict.EQUAL, ENGINE, True)
    assert proof.recomputed == RECORD.decision
    assert recompute(SNAPSHOT, RECORD) is Verdict.EQUAL


def test_an_unknown_model_is_proved_too() -> None:
    record = a_record(SNAPSHOT, inputs("nothing"), result=Result.NO_TARGET)
    assert record.decision is None
    assert recompute(SNAPSHOT, record) is Verdict.EQUAL
    assert recompute(SNAPSHOT, replace(record, decision=RECORD.decision)) is Verdict.DIFFERS


def test_an_input_that_was_not_the_real_one_is_found() -> None:
    record = replace(RECORD, inputs=replace(RECORD.inputs, as_of_ms=NOW + 10))
    proof = prove(SNAPSHOT, record)
    assert (proof.verdict, proof.recomputed_equal) == (Verdict.DIFFERS, False)
    assert proof.recomputed is not None


def test_the_record_of_another_engine_is_not_judged() -> None:
    proof = prove(SNAPSHOT, replace(RECORD, engine="0"))
    assert (proof.verdict, proof.recomputed_equal, proof.recomputed) == (Verdict.ENGINE_CHANGED, None, None)


def test_without_its_snapshot_a_record_is_not_judged() -> None:
    for record in (RECORD, replace(RECORD, snapshot="g1:9")):
        snapshot = None if record is RECORD else SNAPSHOT
        assert prove(snapshot, record).verdict is Verdict.INPUTS_EXPIRED
        assert prove(snapshot, record).recomputed_equal is None
