"""Request records: those of older gateways still read, and what a race leaves in them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlock_domain.attempt.record import (
    AttemptRecord,
    RequestRecord,
    failovers,
    in_order,
    lost,
    path,
)
from interlock_domain.words import FailureClass, Outcome, Phase

V1 = Path(__file__).parents[3] / "data" / "records" / "v1.jsonl"
"""Written by a gateway that knew neither hedges nor header names, for ten requests that ended differently."""


def an_attempt(
    number: int, target: str, outcome: Outcome = Outcome.SUCCEEDED, **fields: Any
) -> AttemptRecord:
    return AttemptRecord(number=number, target=target, outcome=outcome, started_ms=0, ended_ms=9, **fields)


FAILED: dict[str, Any] = {
    "outcome": Outcome.FAILED,
    "failure": FailureClass.SERVER_ERROR,
    "phase": Phase.HEADERS,
}


@pytest.mark.parametrize("line", V1.read_text().splitlines())
def test_a_record_of_an_older_gateway_reads_and_says_what_it_said(line: str) -> None:
    record = msgspec.json.decode(line, type=RequestRecord)
    assert json.loads(msgspec.json.encode(record)) == json.loads(line)
    assert not any(attempt.hedge or attempt.headers for attempt in record.attempts)
    assert record.target == (record.attempts[-1].target if record.attempts else None)
    assert failovers(record.attempts) == max(0, len({attempt.target for attempt in record.attempts}) - 1)
    assert in_order(record.attempts) == list(record.attempts)


def test_older_records_hold_every_outcome_that_there_was() -> None:
    records = [msgspec.json.decode(line, type=RequestRecord) for line in V1.read_text().splitlines()]
    outcomes = {attempt.outcome for record in records for attempt in record.attempts}
    assert outcomes == {Outcome.SUCCEEDED, Outcome.FAILED, Outcome.ABORTED}


def test_what_is_as_usual_takes_no_bytes() -> None:
    assert json.loads(msgspec.json.encode(an_attempt(1, "a/x"))) == {
        "number": 1,
        "target": "a/x",
        "outcome": "succeeded",
        "started_ms": 0,
        "ended_ms": 9,
    }


def test_a_race_comes_back_as_it_was() -> None:
    attempts = (
        an_attempt(1, "a/x", Outcome.LOST, headers=("accept-encoding", "authorization")),
        an_attempt(2, "b/x", hedge=True, redirect="x-2026", ttft_ms=4),
    )
    again = msgspec.json.decode(msgspec.json.encode(attempts), type=tuple[AttemptRecord, ...])
    assert again == attempts
    assert lost(attempts) == attempts[:1]


@pytest.mark.parametrize(
    ("attempts", "went"),
    [
        ((), ()),
        ((an_attempt(1, "a"),), ("a",)),
        ((an_attempt(1, "a", **FAILED), an_attempt(2, "a", **FAILED), an_attempt(3, "b")), ("a", "b")),
        ((an_attempt(1, "a", Outcome.LOST), an_attempt(2, "b", hedge=True)), ("b",)),
        ((an_attempt(2, "b", Outcome.LOST, hedge=True), an_attempt(1, "a")), ("a",)),
        ((an_attempt(2, "b", hedge=True, **FAILED), an_attempt(1, "a")), ("a",)),
        ((an_attempt(1, "a", **FAILED), an_attempt(2, "b", hedge=True)), ("a", "b")),
        ((an_attempt(1, "a", Outcome.LOST), an_attempt(2, "b", hedge=True, **FAILED)), ("b",)),
        (
            (an_attempt(2, "b", hedge=True, **FAILED), an_attempt(1, "a", **FAILED), an_attempt(3, "c")),
            ("a", "c"),
        ),
    ],
)
def test_only_targets_that_a_request_went_along_are_failovers(
    attempts: tuple[AttemptRecord, ...], went: tuple[str, ...]
) -> None:
    assert path(attempts) == went
    assert failovers(attempts) == max(0, len(went) - 1)


def test_attempts_are_told_as_they_began() -> None:
    ended = (an_attempt(2, "b", Outcome.LOST, hedge=True), an_attempt(1, "a"))
    assert [attempt.number for attempt in in_order(ended)] == [1, 2]
