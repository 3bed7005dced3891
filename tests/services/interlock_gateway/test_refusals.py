"""When nobody answers: whose words the client reads, and with which status and advice."""

import openai
import pytest

from interlock_domain.catalog.commands import SetCooldown, SetTargetState
from interlock_domain.words import AdminState, Result
from interlock_testing.behaviour import At, Behaviour, Kind, error_in_200, fail, stall
from interlock_testing.misbehave import MisbehavingServer, always
from interlock_testing.running import GatewayOptions, declaring, running
from tests.services.interlock_gateway.wire import QUICK, sdk, streamed, whole

BODY = b'{"error": {"message": "temperature: too hot",  "type": "invalid_request_error", "x": 1.0}}'


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", ["400 Bad Request", "413 Too Large", "422 Unprocessable", "418 Teapot"])
async def test_a_non_retriable_answer_reaches_the_client_byte_for_byte(breeze, status, stream):
    told = whole(BODY, status=status, headers=b"x-ratelimit-remaining: 7\r\n")
    async with MisbehavingServer(always(told)) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url})
        async with running(config) as loop:
            answer = await loop.chat(stream=stream)
            record = await loop.record(answer)
    assert answer.status_code == int(status[:3])
    assert answer.content == BODY
    assert answer.headers["x-ratelimit-remaining"] == "7"
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert answer.headers["x-interlock-reason"] == "caller_fault"
    assert breeze.attempts == 0
    assert record.result is Result.UPSTREAM_REFUSED
    assert [s.reason.value for s in record.skips] == ["not_retriable"]


async def test_a_non_retriable_answer_cools_nobody(atlas):
    atlas.behaviour = fail(400)
    async with running(declaring({"atlas": atlas.url})) as loop:
        for _ in range(12):
            assert (await loop.chat()).status_code == 400
        await loop.settle()
        assert loop.row("atlas/large") is None
    assert atlas.attempts == 12


EXACT = {
    "500": (fail(500), 500),
    "429": (fail(429, headers={"retry-after": "9"}), 429),
    "401": (fail(401), 401),
    "503 with a page": (fail(503, "<h1>down</h1>"), 503),
    "redirect": (fail(302, headers={"location": "https://elsewhere.test/"}), 302),
}


@pytest.mark.parametrize(("behaviour", "status"), EXACT.values(), ids=EXACT)
async def test_an_exact_target_speaks_for_itself(atlas, behaviour, status):
    atlas.behaviour = behaviour
    async with running(declaring({"atlas": atlas.url}, policy=QUICK)) as loop:
        answer = await loop.chat("atlas/large")
        record = await loop.record(answer)
    assert answer.status_code == status
    assert answer.text == (behaviour.body or answer.text)
    assert "simulated" in answer.text or behaviour.body
    assert answer.headers.get("retry-after") == behaviour.headers.get("retry-after")
    assert answer.headers["x-interlock-reason"] == record.reason
    assert record.result is Result.UPSTREAM_REFUSED


@pytest.mark.parametrize(
    "behaviour", [Behaviour(kind=Kind.HTML), error_in_200(At.PREAMBLE), Behaviour(kind=Kind.RESET), fail(999)]
)
async def test_an_exact_target_without_an_answer_of_its_own_gets_ours(atlas, behaviour):
    atlas.behaviour = behaviour
    async with running(declaring({"atlas": atlas.url}, policy=QUICK)) as loop:
        answer = await loop.chat("atlas/large")
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "attempts_failed"
    assert "html" not in answer.text


async def test_failed_attempts_are_502_and_named(atlas, breeze):
    atlas.behaviour, breeze.behaviour = fail(500), Behaviour(kind=Kind.RESET)
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=QUICK)) as loop:
        answer = await loop.chat()
        record = await loop.record(answer)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (502, "attempts_failed", "server_error")
    assert set(error) == {"message", "type", "param", "code"}
    assert "4 attempts failed" in error["message"]
    assert "atlas/large server_error 500 x2" in error["message"]
    assert "breeze/large disconnect x2" in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-interlock-reason"] == "attempts_failed"
    assert answer.headers["x-interlock-attempts"] == "4"
    assert "retry-after" not in answer.headers
    assert record.result is Result.EXHAUSTED


async def test_missing_capacity_is_429_with_the_earliest_return(atlas, breeze):
    atlas.behaviour = fail(429, headers={"retry-after": "40"})
    breeze.behaviour = fail(529, headers={"retry-after": "20"})
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url})) as loop:
        tried = await loop.chat()
        await loop.settle()
        rested = await loop.chat()
    for answer in (tried, rested):
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "capacity")
        assert answer.json()["error"]["type"] == "rate_limit_error"
        assert 10 <= int(answer.headers["retry-after"]) <= 20
        assert answer.headers["x-should-retry"] == "false"
    assert rested.headers["x-interlock-attempts"] == "0"
    assert atlas.attempts == breeze.attempts == 1


async def test_nothing_eligible_is_503_at_once(atlas, breeze):
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url})) as loop:
        await loop.command(SetTargetState(target="atlas/large", state=AdminState.DISABLED))
        await loop.command(SetCooldown(target="breeze/large", duration_ms=30_000))
        await loop.settle()
        answer = await loop.chat()
        record = await loop.record(answer)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_target")
    assert 20 <= int(answer.headers["retry-after"]) <= 30
    assert answer.headers["x-should-retry"] == "false"
    assert "disabled" in answer.json()["error"]["message"]
    assert record.result is Result.NO_TARGET
    assert atlas.attempts == breeze.attempts == 0


async def test_a_missing_capability_is_refused_at_once_and_not_queued(atlas):
    more = "targets: {atlas/large: {capabilities: []}}"
    async with running(declaring({"atlas": atlas.url}, more=more)) as loop:
        answer = await loop.chat(tools=[{"type": "function", "function": {"name": "f"}}])
        plain = await loop.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_target")
    assert "retry-after" not in answer.headers
    assert plain.status_code == 200


async def test_time_that_ran_out_is_504(atlas):
    atlas.behaviour = stall(At.HEADERS)
    async with running(declaring({"atlas": atlas.url}, policy="{attempts: {deadline: 150ms}}")) as loop:
        answer = await loop.chat()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (504, "deadline", "timeout_error")
    assert "1 attempt" in error["message"]
    assert answer.headers["x-should-retry"] == "false"


async def test_a_credential_that_every_target_refuses_is_not_the_clients(atlas, breeze):
    atlas.behaviour = breeze.behaviour = fail(401)
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url})) as loop:
        answer = await loop.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "credentials_refused")


async def test_no_credential_at_all_is_told_without_an_attempt_upstream(atlas):
    config = declaring({"atlas": atlas.url}).replace("api_key: none", "api_key: env:MISSING")
    async with running(config, options=GatewayOptions(secrets={})) as loop:
        answer = await loop.chat()
        exact = await loop.chat("atlas/large")
    assert {answer.status_code, exact.status_code} == {502}
    assert answer.json()["error"]["code"] == "credentials_refused"
    assert atlas.attempts == 0


async def test_an_empty_plan_is_an_answer_and_no_exception(atlas):
    pools = "{chat: {members: [atlas/large], min_software_version: '9'}}"
    more = "targets: {atlas/large: {software_version: '1'}}"
    async with running(declaring({"atlas": atlas.url}, pools=pools, more=more)) as loop:
        answer = await loop.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_target")


@pytest.mark.parametrize("stream", [False, True])
async def test_the_official_client_raises_the_class_that_goes_with_the_status(atlas, stream):
    raised = {400: openai.BadRequestError, 404: openai.NotFoundError, 422: openai.UnprocessableEntityError}
    async with running(declaring({"atlas": atlas.url}, policy=QUICK)) as loop, sdk(loop) as client:
        for status, error in raised.items():
            atlas.behaviour = fail(status)
            with pytest.raises(error) as caught:
                await _ask(client, stream=stream)
            assert "simulated" in str(caught.value)
        atlas.behaviour = fail(500)
        with pytest.raises(openai.InternalServerError) as exhausted:
            await _ask(client, stream=stream)
    assert exhausted.value.code == "attempts_failed"
    assert exhausted.value.request_id


async def _ask(client: openai.AsyncOpenAI, *, stream: bool) -> None:
    if stream:
        await streamed(client)
    else:
        await client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hi"}])


async def test_a_client_with_retries_of_its_own_is_told_not_to_use_them(atlas):
    atlas.behaviour = fail(500)
    config = declaring({"atlas": atlas.url}, policy=QUICK)
    async with running(config) as loop, sdk(loop) as client:
        with pytest.raises(openai.InternalServerError):
            await _ask(client.with_options(max_retries=5), stream=False)
    assert atlas.attempts == 2


async def test_content_that_one_target_refuses_may_be_asked_elsewhere_if_the_pool_says_so(atlas, breeze):
    refused = '{"error": {"message": "no", "type": "x", "param": null, "code": "content_policy_violation"}}'
    atlas.behaviour = fail(400, refused)
    providers = {"atlas": atlas.url, "breeze": breeze.url}
    async with running(declaring(providers)) as loop:
        assert (await loop.chat()).status_code == 400
        await loop.apply(declaring(providers, policy="{failover_on_content_policy: true}"))
        await loop.settle()
        answer = await loop.chat()
    assert answer.status_code == 200
    assert answer.headers["x-interlock-target"] == "breeze/large"
