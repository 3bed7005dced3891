"""What a request needs decides who is asked: capabilities, versions, windows, and streams."""

import json
from typing import Any

import pytest

from interlock_domain.words import Reason, SkipReason
from interlock_testing.behaviour import fail, healthy
from interlock_testing.running import CHAT, declaring, running
from interlock_testing.upstream import SimulatedProvider
from tests.services.interlock_gateway.wire import QUICK

TOO_LONG = json.dumps(
    {"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}
)
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
SOUND = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
NEEDS: dict[str, dict[str, Any]] = {
    "tools": {"tools": [TOOL]},
    "vision": {"messages": [{"role": "user", "content": [IMAGE]}]},
    "audio": {"messages": [{"role": "user", "content": [SOUND]}]},
    "json_schema": {"response_format": FORM},
}


def three(*providers: SimulatedProvider, **facts: str) -> str:
    """A pool of these in this order, with facts about each."""
    urls = {provider.name: provider.url for provider in providers}
    targets = "".join(f"  {name}/large: {{{told}}}\n" for name, told in facts.items())
    return declaring(urls, policy=QUICK, more=f"targets:\n{targets}" if targets else "")


@pytest.fixture
async def cirrus():
    async with SimulatedProvider("cirrus") as provider:
        yield provider


@pytest.mark.parametrize("need", NEEDS)
async def test_who_lacks_a_capability_is_not_asked(atlas, breeze, cirrus, need):
    others = ", ".join(other for other in NEEDS if other != need)
    facts = {"atlas": f"capabilities: [{others}]", "breeze": f"capabilities: [{need}]"}
    async with running(three(atlas, breeze, cirrus, **facts)) as loop:
        answer = await loop.chat(**NEEDS[need])
        plain = await loop.chat()
        record = await loop.record(answer)
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert plain.headers["x-interlock-target"] == "atlas/large"
    assert record.inputs.traits.needs == (need,)
    assert record.decision is not None
    left_out = next(one for one in record.decision.candidates if one.target == "atlas/large")
    assert (left_out.rank, left_out.reasons) == (None, (Reason.CAPABILITY_MISSING,))


async def test_who_cannot_stream_is_asked_for_whole_answers_only(atlas, breeze, cirrus):
    async with running(three(atlas, breeze, cirrus, atlas="streams: false")) as loop:
        streamed = await loop.chat(stream=True)
        whole = await loop.chat()
        record = await loop.record(streamed)
    assert streamed.headers["x-interlock-target"] == "breeze/large"
    assert whole.headers["x-interlock-target"] == "atlas/large"
    assert record.decision is not None
    assert record.decision.candidates[-1].reasons == (Reason.CAPABILITY_MISSING,)


async def test_without_anybody_who_can_the_answer_is_immediate(atlas, breeze, cirrus):
    facts = dict.fromkeys(("atlas", "breeze", "cirrus"), "capabilities: [vision]")
    async with running(three(atlas, breeze, cirrus, **facts)) as loop:
        answer = await loop.chat(**NEEDS["tools"])
    assert answer.status_code == 503
    assert "lacks a capability" in answer.json()["error"]["message"]
    assert (atlas.attempts, breeze.attempts, cirrus.attempts) == (0, 0, 0)


def prompt(tokens: int) -> dict[str, Any]:
    """At least so many, by the measure that leans low."""
    return {"messages": [{"role": "user", "content": "lorem " * tokens}]}


WINDOWS = {"atlas": "context_window: 1000", "breeze": "context_window: 4000"}


async def test_a_long_prompt_goes_past_the_windows_that_it_does_not_fit(atlas, breeze, cirrus):
    async with running(three(atlas, breeze, cirrus, **WINDOWS)) as loop:
        served = [
            (await loop.chat(**prompt(tokens))).headers["x-interlock-target"] for tokens in (10, 2000, 5000)
        ]
        record = await loop.record(await loop.chat(**prompt(2000)))
        short = await loop.record(await loop.chat())
    assert served == ["atlas/large", "breeze/large", "cirrus/large"]
    assert record.inputs.traits.context_tokens == 2000
    assert short.inputs.traits.context_tokens is None
    assert record.decision is not None
    assert record.decision.candidates[-1].reasons == (Reason.CONTEXT_WINDOW,)


async def test_what_is_too_long_for_everybody_is_told_by_the_upstream(atlas, breeze):
    atlas.behaviour = breeze.behaviour = fail(400, TOO_LONG)
    urls = {"atlas": atlas.url, "breeze": breeze.url}
    more = "targets:\n  atlas/large: {context_window: 1000}\n  breeze/large: {context_window: 4000}\n"
    async with running(declaring(urls, policy=QUICK, more=more)) as loop:
        answer = await loop.chat(**prompt(9000))
    assert (answer.status_code, answer.text) == (400, TOO_LONG)
    assert answer.headers["x-interlock-target"] == "breeze/large"


async def test_counting_the_tokens_of_a_long_prompt_needs_no_window(atlas):
    config = (
        f"providers: {{atlas: {{base_url: {atlas.root_url}, api_key: none, apis: [messages]}}}}\n"
        "pools: {chat: [atlas/large, atlas/small]}\n"
        "targets: {atlas/large: {context_window: 1000}, atlas/small: {context_window: 9000}}"
    )
    async with running(config) as loop:
        body = {"model": "chat", **prompt(3000)}
        counted = await loop.http.post("/v1/messages/count_tokens", json=body)
        answered = await loop.http.post("/v1/messages", json={"max_tokens": 9, **body})
    assert counted.headers["x-interlock-target"] == "atlas/large"
    assert answered.headers["x-interlock-target"] == "atlas/small"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_prompt_that_was_refused_as_too_long_goes_on_to_a_larger_window(
    atlas, breeze, cirrus, stream
):
    atlas.behaviour = fail(400, TOO_LONG)
    facts = {
        "atlas": "context_window: 8000",
        "breeze": "context_window: 4000",
        "cirrus": "context_window: 9000",
    }
    async with running(three(atlas, breeze, cirrus, **facts)) as loop:
        answer = await loop.chat(stream=stream)
        record = await loop.record(answer)
    assert (answer.status_code, answer.headers["x-interlock-target"]) == (200, "cirrus/large")
    assert (atlas.attempts, breeze.attempts, cirrus.attempts) == (1, 0, 1)
    assert [(skip.target, skip.reason) for skip in record.skips] == [
        ("breeze/large", SkipReason.CONTEXT_WINDOW)
    ]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"atlas": "context_window: 8000"},
        {"atlas": "context_window: 8000", "breeze": "context_window: 8000", "cirrus": "context_window: 4000"},
    ],
)
async def test_without_a_larger_declared_window_the_refusal_is_the_callers(atlas, breeze, cirrus, facts):
    atlas.behaviour = fail(400, TOO_LONG)
    async with running(three(atlas, breeze, cirrus, **facts)) as loop:
        answer = await loop.chat()
        record = await loop.record(answer)
    assert (answer.status_code, answer.text) == (400, TOO_LONG)
    assert (breeze.attempts, cirrus.attempts) == (0, 0)
    assert {skip.reason for skip in record.skips} == {SkipReason.NOT_RETRIABLE}


async def test_another_bad_request_stays_where_it_is(atlas, breeze, cirrus):
    atlas.behaviour = fail(400, '{"error":{"message":"bad","code":"invalid_value"}}')
    async with running(
        three(atlas, breeze, cirrus, atlas="context_window: 8", breeze="context_window: 9")
    ) as loop:
        assert (await loop.chat()).status_code == 400
    assert (breeze.attempts, cirrus.attempts) == (0, 0)


VERSIONS = {
    "atlas": "software_version: '1.2'",
    "breeze": "software_version: '1.2'",
    "cirrus": "software_version: '1.3'",
}


async def test_after_a_failure_another_version_of_the_software_is_asked_first(atlas, breeze, cirrus):
    atlas.behaviour = fail(500)
    async with running(three(atlas, breeze, cirrus, **VERSIONS)) as loop:
        answer = await loop.chat()
        cirrus.behaviour = fail(500)
        last = await loop.chat()
        record = await loop.record(last)
    assert answer.headers["x-interlock-target"] == "cirrus/large"
    assert last.headers["x-interlock-target"] == "breeze/large"
    assert [attempt.target for attempt in record.attempts][-1] == "breeze/large"
    assert record.decision is not None
    assert [one.target for one in record.decision.ranked()][:2] == ["atlas/large", "breeze/large"]


async def test_a_limit_is_no_bug_and_the_order_stays(atlas, breeze, cirrus):
    atlas.behaviour = fail(429)
    async with running(three(atlas, breeze, cirrus, **VERSIONS)) as loop:
        answer = await loop.chat()
    assert answer.headers["x-interlock-target"] == "breeze/large"


async def test_below_the_floor_nobody_is_asked(atlas, breeze, cirrus):
    config = three(atlas, breeze, cirrus, **VERSIONS).replace(
        "pools: {chat: [atlas/large, breeze/large, cirrus/large]}",
        "pools: {chat: {members: [atlas/large, breeze/large, cirrus/large], min_software_version: '1.3'}}",
    )
    async with running(config) as loop:
        answer = await loop.http.post(CHAT, json={"model": "chat", "messages": []})
        record = await loop.record(answer)
    assert answer.headers["x-interlock-target"] == "cirrus/large"
    assert record.decision is not None
    assert {one.reasons for one in record.decision.candidates[1:]} == {(Reason.VERSION_FLOOR,)}


async def test_a_target_that_is_well_again_is_where_the_plan_has_it(atlas, breeze, cirrus):
    atlas.behaviour = fail(500)
    async with running(three(atlas, breeze, cirrus, **VERSIONS)) as loop:
        await loop.chat()
        atlas.behaviour = healthy()
        assert (await loop.chat()).headers["x-interlock-target"] in {"atlas/large", "breeze/large"}
