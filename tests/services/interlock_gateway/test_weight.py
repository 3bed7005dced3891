"""The weight of a record is never below its JSON, so a bound over weights bounds what really waits."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.attempt.record import AttemptRecord, RequestRecord, Skip, Usage
from interlock_domain.routing.decision import Candidate, Decision, RouteInputs, Traits
from interlock_domain.words import (
    Eligibility,
    FailureClass,
    Outcome,
    Phase,
    Reason,
    Result,
    SkipReason,
    StrategyName,
)
from interlock_gateway.weight import weight

NAMES = st.text(alphabet="abcdefghij-./:0123456789", min_size=1, max_size=60)
NUMBERS = st.integers(0, 2**40)
DETAILS = st.none() | st.text(alphabet="the upstream said no", max_size=200)

CANDIDATES = st.builds(
    Candidate,
    target=NAMES,
    state=st.sampled_from(Eligibility),
    reasons=st.lists(st.sampled_from(Reason), max_size=2).map(tuple),
    rank=st.none() | st.integers(1, 9),
    until_ms=st.none() | NUMBERS,
    cause=st.none() | NUMBERS,
    failure=st.none() | st.sampled_from(FailureClass),
)
ATTEMPTS = st.builds(
    AttemptRecord,
    number=st.integers(1, 9),
    target=NAMES,
    outcome=st.sampled_from(Outcome),
    started_ms=NUMBERS,
    ended_ms=NUMBERS,
    failure=st.sampled_from(FailureClass),
    phase=st.sampled_from(Phase),
    status=st.integers(100, 599),
    retry_after_ms=NUMBERS,
    ttft_ms=NUMBERS,
    redirect=st.none() | NAMES,
    detail=DETAILS,
    hedge=st.booleans(),
    headers=st.lists(NAMES, max_size=9).map(tuple),
)
RECORDS = st.builds(
    RequestRecord,
    request_id=st.just("7f3a9c017f3a9c01"),
    gateway=NAMES,
    boot=st.just("0123456789ab"),
    seq=NUMBERS,
    started_ms=NUMBERS,
    duration_ms=NUMBERS,
    pool=NAMES,
    inputs=st.builds(
        RouteInputs,
        model=NAMES,
        traits=st.just(Traits(needs=("json_schema", "tools", "vision"), stream=True)),
        as_of_ms=NUMBERS,
        seed=NUMBERS,
        gateway=NAMES,
        local=st.lists(NAMES, max_size=5).map(tuple),
        probed=st.lists(NAMES, max_size=5).map(tuple),
        fingerprints=st.dictionaries(NAMES, st.just("0123456789abcdef"), max_size=5),
    ),
    snapshot=st.just("g1:123456789012"),
    engine=st.just("1"),
    decision=st.none()
    | st.builds(
        Decision,
        pool=NAMES,
        strategy=st.sampled_from(StrategyName),
        candidates=st.lists(CANDIDATES, max_size=8).map(tuple),
    ),
    result=st.sampled_from(Result),
    attempts=st.lists(ATTEMPTS, max_size=6).map(tuple),
    skips=st.lists(st.builds(Skip, target=NAMES, reason=st.sampled_from(SkipReason)), max_size=4).map(tuple),
    status=st.integers(100, 599),
    usage=st.builds(Usage, prompt_tokens=NUMBERS, completion_tokens=NUMBERS),
    bytes_in=NUMBERS,
    bytes_out=NUMBERS,
)


@given(RECORDS)
def test_a_record_weighs_at_least_what_it_takes_on_the_wire(record):
    assert weight(record) >= len(msgspec.json.encode(record))
