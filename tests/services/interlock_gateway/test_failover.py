"""What fails before the first content is tried elsewhere, and the client sees one whole answer."""

import pytest

from interlock_domain.words import FailureClass, Outcome, Phase, Result
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail, healthy, stall
from interlock_testing.misbehave import MisbehavingServer, closes, refusing, unanswering
from interlock_testing.running import declaring, running
from tests.services.interlock_gateway.wire import STREAM_HEAD, chunk, pieces, sdk, streamed

ONCE = "{attempts: {retries_per_target: 0}}"
SHORT = (
    "{attempts: {retries_per_target: 0}, timeouts: {connect: 2s, response: 2s, first_token: 2s, stall: 2s}}"
)
"""Not as short as it might be: the target that answers has no more time than the one that is silent."""

EITHER = {
    "500": (fail(500), FailureClass.SERVER_ERROR),
    "429": (fail(429), FailureClass.RATE_LIMIT),
    "529": (fail(529), FailureClass.OVERLOAD),
    "503": (fail(503, headers={"retry-after": "30"}), FailureClass.OVERLOAD),
    "502": (fail(502), FailureClass.DISCONNECT),
    "504": (fail(504), FailureClass.TIMEOUT),
    "401": (fail(401), FailureClass.AUTH),
    "302": (fail(302, headers={"location": "http://127.0.0.1:1/"}), FailureClass.MALFORMED),
    "reset": (Behaviour(kind=Kind.RESET), FailureClass.DISCONNECT),
    "cut before headers": (cut(At.HEADERS), FailureClass.DISCONNECT),
    "stall before headers": (stall(At.HEADERS), FailureClass.TIMEOUT),
    "error in 200": (error_in_200(At.PREAMBLE), FailureClass.SERVER_ERROR),
    "rate limit in 200": (error_in_200(At.PREAMBLE, code="rate_limit_exceeded"), FailureClass.RATE_LIMIT),
    "html in 200": (Behaviour(kind=Kind.HTML), FailureClass.MALFORMED),
    "empty 200": (Behaviour(kind=Kind.EMPTY), None),
    "malformed": (Behaviour(kind=Kind.MALFORMED, at=At.PREAMBLE), FailureClass.MALFORMED),
}
UNARY = {
    "cut in the body": (cut(At.CONTENT), None),
    "stall in the body": (stall(At.CONTENT), FailureClass.TIMEOUT),
}
STREAMED = {
    "cut after the role": (cut(At.PREAMBLE), FailureClass.DISCONNECT),
    "clean end after the role": (cut(At.PREAMBLE, clean=True), FailureClass.TRUNCATED),
    "stall after the role": (stall(At.PREAMBLE), FailureClass.TIMEOUT),
    "slow first token": (healthy(first_token_ms=60_000), FailureClass.TIMEOUT),
    "a whole answer": (Behaviour(kind=Kind.NO_STREAM), FailureClass.MALFORMED),
}
CASES = [
    *(
        (name, behaviour, failure, stream)
        for name, (behaviour, failure) in EITHER.items()
        for stream in (0, 1)
    ),
    *((name, behaviour, failure, 0) for name, (behaviour, failure) in UNARY.items()),
    *((name, behaviour, failure, 1) for name, (behaviour, failure) in STREAMED.items()),
]


@pytest.mark.parametrize(
    ("behaviour", "failure", "stream"),
    [case[1:] for case in CASES],
    ids=[f"{case[0]}, {'streamed' if case[3] else 'whole'}" for case in CASES],
)
async def test_another_target_answers_unseen(atlas, breeze, behaviour, failure, stream):
    atlas.behaviour = behaviour
    silent = behaviour.kind is Kind.STALL or behaviour.first_token_ms > 0
    policy = SHORT if silent else ONCE
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy)) as loop:
        answer = await loop.chat(stream=bool(stream))
        record = await loop.record(answer)
    assert answer.status_code == 200
    assert b"breeze" in answer.content
    assert b"atlas" not in answer.content
    assert b"error" not in answer.content
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert answer.headers["x-interlock-attempts"] == "2"
    assert (atlas.attempts, breeze.attempts) == (1, 1)
    first, second = record.attempts
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.SUCCEEDED)
    assert failure in {None, first.failure}
    assert record.result is Result.ANSWERED


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_connection_moves_on(breeze, stream):
    with refusing() as port:
        config = declaring({"atlas": f"http://127.0.0.1:{port}/v1", "breeze": breeze.url}, policy=ONCE)
        async with running(config) as loop:
            answer = await loop.chat(stream=stream)
            record = await loop.record(answer)
    assert b"breeze" in answer.content
    assert (record.attempts[0].failure, record.attempts[0].phase) == (FailureClass.DISCONNECT, Phase.CONNECT)


async def test_a_connection_that_nobody_accepts_moves_on_after_the_connect_limit(breeze):
    with unanswering() as port:
        config = declaring({"atlas": f"http://127.0.0.1:{port}/v1", "breeze": breeze.url}, policy=SHORT)
        async with running(config) as loop:
            answer = await loop.chat()
            record = await loop.record(answer)
    assert b"breeze" in answer.content
    assert (record.attempts[0].failure, record.attempts[0].phase) == (FailureClass.TIMEOUT, Phase.CONNECT)
    assert 1_900 <= record.attempts[0].ended_ms < 15_000, "not after what the kernel's own limit is"


async def test_the_client_never_sees_two_preambles(breeze):
    broken = STREAM_HEAD + pieces(b": first\n\n", chunk(), b'data: {"error": {"message": "no"}}\n\n')
    async with MisbehavingServer(closes(broken)) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url}, policy=ONCE)
        async with running(config) as loop, sdk(loop) as client:
            raw = await loop.chat(stream=True)
            text = await streamed(client)
    assert raw.content.count(b'"role"') == 1
    assert b": first" not in raw.content
    assert text.startswith("breeze")


async def test_the_error_in_the_same_packet_as_the_first_content_still_moves_on(breeze):
    broken = STREAM_HEAD + pieces(chunk("half") + b'data: {"error": {"message": "no"}}\n\n')
    async with MisbehavingServer(closes(broken)) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url}, policy=ONCE)
        async with running(config) as loop:
            answer = await loop.chat(stream=True)
    assert b"half" not in answer.content
    assert b"breeze" in answer.content


async def test_every_target_of_the_plan_is_tried_up_to_max_targets(atlas, breeze):
    atlas.behaviour = breeze.behaviour = fail(503)
    providers = {"atlas": atlas.url, "breeze": breeze.url}
    pools = "{chat: [atlas/a, atlas/b, breeze/a, breeze/b]}"
    config = declaring(providers, pools=pools, policy="{attempts: {retries_per_target: 0}}")
    async with running(config) as loop:
        answer = await loop.chat()
        record = await loop.record(answer)
    assert answer.status_code == 502
    assert [a.target for a in record.attempts] == ["atlas/a", "atlas/b", "breeze/a"]
    assert [(s.target, s.reason.value) for s in record.skips] == [("breeze/b", "max_targets")]


async def test_a_target_without_its_credential_is_passed_over_and_not_blamed(atlas, breeze):
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}).replace(
        "api_key: none", "api_key: env:MISSING", 1
    )
    async with running(config) as loop:
        answers = [await loop.chat() for _ in range(5)]
        record = await loop.record(answers[-1])
    assert {a.status_code for a in answers} == {200}
    assert atlas.attempts == 0
    assert record.attempts[0].detail == "no_credential"
    assert record.inputs.local == ()
