"""A request record explained."""

from typing import Any

import pytest

from interlock_domain.attempt.record import RequestRecord, Skip
from interlock_domain.replay.explain import explain
from interlock_domain.replay.recompute import Verdict
from interlock_domain.routing.decision import Traits
from interlock_domain.rows import PoolRow, ProviderRow, TargetRow
from interlock_domain.words import (
    AdminState,
    FailureClass,
    Outcome,
    Phase,
    Provenance,
    Reason,
    Result,
    SkipReason,
    StrategyName,
)
from tests.libs.interlock_domain.replay.records import a_record, an_attempt
from tests.libs.interlock_domain.routing.asking import inputs
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    a_catalog,
    a_pool,
    a_rest,
    a_snapshot,
    a_state,
    learned,
)

BY_ALICE = a_state(AdminState.DISABLED, actor="alice", reason="billing", position=12)
CHAT = a_pool("chat", "atlas/large", "breeze/large", "cirrus/large", "delta/large")
SNAPSHOT = a_snapshot(
    a_catalog(CHAT),
    {
        "target/cirrus/large": learned(
            a_rest(
                NOW + 21_000,
                provenance=Provenance.STATED,
                evidence=(48_102,),
                failure=FailureClass.RATE_LIMIT,
            )
        ),
        "target/delta/large": TargetRow(state=BY_ALICE, learned=(a_rest(NOW + 5),)),
    },
    position=48_211,
)
RECORD = a_record(
    SNAPSHOT,
    inputs(seed=91, turn=4, traits=Traits(stream=True)),
    attempts=(
        an_attempt(
            1,
            "atlas/large",
            outcome=Outcome.FAILED,
            failure=FailureClass.SERVER_ERROR,
            status=500,
            phase=Phase.HEADERS,
        ),
        an_attempt(
            2,
            "atlas/large",
            try_=2,
            outcome=Outcome.FAILED,
            failure=FailureClass.DISCONNECT,
            phase=Phase.CONNECT,
        ),
        an_attempt(3, "breeze/large", status=200, ttft_ms=290),
    ),
    skips=(Skip(target="atlas/large", reason=SkipReason.RETRY_BUDGET),),
    ttfc_ms=412,
)


def test_the_answer_comes_first() -> None:
    found = explain(SNAPSHOT, RECORD)
    assert found.answer == "answered by breeze/large after 1 failover, 412 ms to first content"
    assert (found.pool, found.strategy, found.seed, found.turn) == (
        "chat",
        StrategyName.PRIORITY_FAILOVER.value,
        91,
        4,
    )
    assert (found.snapshot, found.failovers, found.stream) == ("g1:48211", 1, True)


def test_each_candidate_has_its_reason_in_words_and_the_event_behind_it() -> None:
    lines = {line.target: line for line in explain(SNAPSHOT, RECORD).candidates}
    assert [line.passed_over for line in lines.values()] == [False, False, True, True]
    assert (lines["atlas/large"].text, lines["atlas/large"].priority, lines["atlas/large"].weight) == (
        "",
        1,
        1,
    )
    cirrus = lines["cirrus/large"]
    assert cirrus.text == "cooldown stated by upstream 21 s more (rate_limit)"
    assert (cirrus.position, cirrus.left_ms, cirrus.by) == (48_102, 21_000, None)


def test_an_operators_word_is_given_with_name_and_remark() -> None:
    delta = explain(SNAPSHOT, RECORD).candidates[-1]
    assert delta.text == "disabled, cooldown"
    assert (delta.by, delta.remark, delta.position) == ("alice", "billing", 12)


@pytest.mark.parametrize(
    ("key", "row", "reason"),
    [
        ("provider/atlas", ProviderRow(state=BY_ALICE), Reason.PROVIDER_DISABLED),
        ("pool/chat", PoolRow(state=BY_ALICE), Reason.POOL_DISABLED),
        ("pool/chat", PoolRow(members={"atlas/large": BY_ALICE}), Reason.MEMBER_DISABLED),
        (
            "target/atlas/large",
            TargetRow(
                operator=(
                    a_rest(NOW + 5, shape="*", provenance=Provenance.OPERATOR, actor="bob"),
                    a_rest(NOW + 9, provenance=Provenance.OPERATOR, actor="alice", reason="billing"),
                )
            ),
            Reason.COOLDOWN_OPERATOR,
        ),
    ],
)
def test_whoever_decided_the_first_reason_is_named(key, row, reason) -> None:
    snapshot = a_snapshot(a_catalog(CHAT), {key: row})
    lines = explain(snapshot, a_record(snapshot, inputs())).candidates
    (line,) = [line for line in lines if line.target == "atlas/large"]
    assert line.reasons[0] is reason
    assert (line.by, line.remark) == ("alice", "billing")


def test_attempts_are_told_with_what_failed_and_where() -> None:
    lines = explain(SNAPSHOT, RECORD).attempts
    assert [line.text for line in lines] == [
        "server_error 500 in headers",
        "disconnect in connect, retry",
        "succeeded",
    ]
    assert [line.number for line in lines] == [1, 2, 3]


def test_a_probe_is_marked() -> None:
    record = a_record(SNAPSHOT, inputs(), attempts=(an_attempt(1, "atlas/large", probe=True),))
    assert explain(SNAPSHOT, record).attempts[0].text == "succeeded, probe"


def broken_stream(result: Result, **second: Any) -> RequestRecord:
    first = an_attempt(
        1,
        "atlas/large",
        outcome=Outcome.FAILED,
        failure=FailureClass.TRUNCATED,
        phase=Phase.CONTENT,
        started_ms=0,
        ended_ms=50,
    )
    other = an_attempt(2, "breeze/large", **{"started_ms": 50, "ended_ms": 90, **second})
    return a_record(SNAPSHOT, inputs(), attempts=(first, other), result=result)


def test_a_stream_that_was_continued_says_whose_it_was() -> None:
    found = explain(SNAPSHOT, broken_stream(Result.ANSWERED))
    assert found.answer.startswith("answered by breeze/large, continuing the stream of atlas/large, after 1")
    assert [line.text for line in found.attempts] == ["truncated in content", "succeeded, resume"]


def test_a_stream_that_nobody_continued_broke_where_it_broke_first() -> None:
    record = broken_stream(Result.BROKEN, outcome=Outcome.ABORTED, detail="differs")
    found = explain(SNAPSHOT, record)
    assert found.answer.startswith("the stream of atlas/large broke after its first content")
    assert [line.text for line in found.attempts] == ["truncated in content", "aborted (differs), resume"]


def test_what_ran_beside_a_stream_that_broke_did_not_continue_it() -> None:
    lost = broken_stream(Result.BROKEN, outcome=Outcome.LOST, hedge=True, started_ms=20, ended_ms=30)
    assert "resume" not in explain(SNAPSHOT, lost).attempts[1].text


def test_a_race_is_told_in_the_headline_and_beside_both_attempts() -> None:
    attempts = (
        an_attempt(1, "atlas/large", outcome=Outcome.LOST, ended_ms=300),
        an_attempt(2, "breeze/large", hedge=True, started_ms=200, ttft_ms=100),
    )
    record = a_record(SNAPSHOT, inputs(), attempts=attempts, ttfc_ms=300)
    found = explain(SNAPSHOT, record)
    assert found.answer == "answered by breeze/large in a race with atlas/large, 300 ms to first content"
    assert [line.text for line in found.attempts] == [
        "lost the race",
        "succeeded, hedge, won the race",
    ]
    assert found.failovers == 0
    assert found.proof.verdict is Verdict.EQUAL


def test_given_the_first_won_then_the_lines_still_stand_as_the_attempts_began() -> None:
    attempts = (
        an_attempt(2, "breeze/large", outcome=Outcome.LOST, hedge=True),
        an_attempt(1, "atlas/large"),
    )
    found = explain(SNAPSHOT, a_record(SNAPSHOT, inputs(), attempts=attempts))
    assert [(line.number, line.text) for line in found.attempts] == [
        (1, "succeeded, won the race"),
        (2, "lost the race, hedge"),
    ]
    assert found.answer.startswith("answered by atlas/large in a race with breeze/large, ")


def test_given_the_winner_broke_then_it_won_the_race_and_not_whoever_continued() -> None:
    attempts = (
        an_attempt(1, "atlas/large", outcome=Outcome.LOST, ended_ms=20),
        an_attempt(
            2,
            "breeze/large",
            hedge=True,
            outcome=Outcome.FAILED,
            failure=FailureClass.TRUNCATED,
            phase=Phase.CONTENT,
            started_ms=10,
            ended_ms=50,
        ),
        an_attempt(3, "cirrus/large", started_ms=50, ended_ms=90),
    )
    found = explain(SNAPSHOT, a_record(SNAPSHOT, inputs(), attempts=attempts))
    assert [line.text for line in found.attempts] == [
        "lost the race",
        "truncated in content, hedge, won the race",
        "succeeded, resume",
    ]


def test_a_hedge_that_failed_is_no_failover_of_the_stream_beside_it() -> None:
    attempts = (
        an_attempt(
            2,
            "breeze/large",
            hedge=True,
            outcome=Outcome.FAILED,
            failure=FailureClass.DISCONNECT,
            phase=Phase.CONNECT,
        ),
        an_attempt(1, "atlas/large"),
    )
    found = explain(SNAPSHOT, a_record(SNAPSHOT, inputs(), attempts=attempts))
    assert [line.text for line in found.attempts] == ["succeeded", "disconnect in connect, hedge"]
    assert found.failovers == 0


def test_skips_are_listed() -> None:
    (line,) = explain(SNAPSHOT, RECORD).skips
    assert (line.target, line.reason) == ("atlas/large", SkipReason.RETRY_BUDGET)


def test_the_proof_is_part_of_the_explanation() -> None:
    assert explain(SNAPSHOT, RECORD).proof.verdict is Verdict.EQUAL


def test_without_the_snapshot_what_was_recorded_is_still_told() -> None:
    found = explain(None, RECORD)
    assert found.proof.verdict is Verdict.INPUTS_EXPIRED
    assert [line.text for line in found.candidates] == [
        line.text for line in explain(SNAPSHOT, RECORD).candidates
    ]
    assert all(line.priority is None and line.by is None for line in found.candidates)


def test_the_snapshot_of_another_moment_is_no_witness() -> None:
    other = a_snapshot(a_catalog(CHAT), {"target/delta/large": TargetRow(state=BY_ALICE)}, position=1)
    assert all(line.by is None for line in explain(other, RECORD).candidates)


def test_a_member_that_the_snapshot_does_not_know_has_no_priority() -> None:
    renamed = a_snapshot(a_catalog(a_pool("chat", "atlas/other")), position=48_211)
    found = explain(renamed, RECORD)
    assert found.proof.verdict is Verdict.DIFFERS
    assert all(line.priority is None and line.by is None for line in found.candidates)


@pytest.mark.parametrize("result", list(Result))
def test_every_result_has_a_headline(result: Result) -> None:
    record = a_record(SNAPSHOT, inputs("nothing"), result=result, duration_ms=7)
    answer = explain(SNAPSHOT, record).answer
    assert answer.endswith(", 7 ms")
    assert "{" not in answer


def test_several_failovers_are_counted() -> None:
    attempts = tuple(
        an_attempt(i, f"{name}/large") for i, name in enumerate(("atlas", "breeze", "cirrus"), 1)
    )
    record = a_record(SNAPSHOT, inputs(), attempts=attempts, result=Result.EXHAUSTED)
    answer = explain(SNAPSHOT, record).answer
    assert answer == "every attempt failed, the last on cirrus/large after 2 failovers, 3000 ms"


def test_an_unknown_model_has_no_candidates() -> None:
    found = explain(SNAPSHOT, a_record(SNAPSHOT, inputs("nothing"), result=Result.NO_TARGET))
    assert (found.candidates, found.strategy) == ((), None)
