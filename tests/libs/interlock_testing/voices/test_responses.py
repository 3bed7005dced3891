"""Responses as the openai SDK reads them: plain, event by event, and by its stream helper."""

import asyncio
import json

import openai
import pytest

from interlock_domain.words import Api
from interlock_testing.answers import text
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail
from tests.libs.interlock_testing.voices.wire import ARGUMENTS, SCHEMA, events, parsed, request, wire

PATH = "/v1/responses"
TOOLS = [{"type": "function", "name": "weather", "strict": True, "parameters": SCHEMA}]
FULL = Behaviour(thinking=2, chunks=3, tool_calls=1)

PLAIN = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


async def test_a_whole_answer_says_who_answered(atlas, client):
    answer = await client.responses.create(model="m-1", input="hi", instructions="be brief")
    assert (answer.object, answer.status, answer.output_text) == ("response", "completed", text("atlas", 5))
    assert (answer.error, answer.instructions, answer.metadata) == (None, "be brief", {})
    prompt = len(atlas.requests[0].body) // 4
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (prompt, 5)
    assert answer.usage.total_tokens == prompt + 5
    assert atlas.requests[0].api is Api.RESPONSES


async def test_a_whole_answer_has_thoughts_and_calls(atlas, client):
    atlas.behaviour = FULL
    answer = await client.responses.create(model="m-1", input="hi", tools=TOOLS)
    thought, said, called = answer.output
    assert (thought.type, thought.summary[0].text) == ("reasoning", "thought0 thought1 ")
    assert (said.type, said.content[0].text) == ("message", text("atlas", 3))
    assert (called.type, called.name, json.loads(called.arguments)) == ("function_call", "weather", ARGUMENTS)
    assert called.call_id.startswith("call_")
    assert answer.usage.output_tokens == 2 + 3 + 4
    assert answer.usage.output_tokens_details.reasoning_tokens == 2
    assert answer.tools[0].name == "weather"


async def test_events_come_in_their_order(atlas, client):
    atlas.behaviour = Behaviour(chunks=2)
    found = [event async for event in await client.responses.create(model="m-1", input="hi", stream=True)]
    assert [event.type for event in found] == PLAIN
    assert [event.sequence_number for event in found] == list(range(len(PLAIN)))
    assert found[0].response.status == "in_progress"
    assert found[6].text == found[7].part.text == found[8].item.content[0].text == text("atlas", 2)
    assert found[-1].response.output_text == text("atlas", 2)
    assert {event.item_id for event in found if hasattr(event, "item_id")} == {found[2].item.id}


def test_each_event_is_named_by_its_type_and_counted():
    _, _, body = parsed(wire(PATH, request(stream=True, tools=TOOLS), FULL))
    *named, last = events(body)
    assert last == ("", "[DONE]")
    assert all(name == data["type"] for name, data in named)
    assert [data["sequence_number"] for _, data in named] == list(range(len(named)))


async def test_the_helper_puts_a_stream_together(atlas, client):
    atlas.behaviour = FULL
    async with client.responses.stream(model="m-1", input="hi", tools=TOOLS) as stream:
        found = [event async for event in stream]
        answer = await stream.get_final_response()
    thought, said, called = answer.output
    assert (thought.summary[0].text, said.content[0].text) == ("thought0 thought1 ", text("atlas", 3))
    assert called.parsed_arguments == ARGUMENTS
    grown = [event.snapshot for event in found if event.type == "response.function_call_arguments.delta"]
    assert (len(grown), json.loads(grown[-1])) == (4, ARGUMENTS)
    whole = await client.responses.create(model="m-1", input="hi", tools=TOOLS)
    assert [item.type for item in whole.output] == [item.type for item in answer.output]


async def test_the_helper_works_without_asyncio_too(atlas, blocking):
    atlas.behaviour = FULL

    def ask():
        with blocking.responses.stream(model="m-1", input="hi", tools=TOOLS) as stream:
            deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
            return deltas, stream.get_final_response()

    deltas, answer = await asyncio.to_thread(ask)
    assert "".join(deltas) == answer.output_text == text("atlas", 3)
    assert answer.output[2].parsed_arguments == ARGUMENTS


async def test_a_stream_may_be_calls_alone(atlas, client):
    atlas.behaviour = Behaviour(chunks=0, tool_calls=2)
    async with client.responses.stream(model="m-1", input="hi", tools=TOOLS) as stream:
        answer = await stream.get_final_response()
    assert [item.parsed_arguments for item in answer.output] == [ARGUMENTS, ARGUMENTS]
    assert len({item.call_id for item in answer.output}) == 2


async def test_thoughts_open_and_close_their_part(atlas, client):
    atlas.behaviour = Behaviour(thinking=1, chunks=1)
    found = [event async for event in await client.responses.create(model="m-1", input="hi", stream=True)]
    assert [event.type.removeprefix("response.") for event in found[2:8]] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert (found[4].delta, found[5].text, found[7].item.summary[0].text) == ("thought0 ",) * 3


async def test_an_answer_without_its_done_is_whole_to_the_helper(atlas, client):
    atlas.behaviour = Behaviour(kind=Kind.NO_SENTINEL)
    async with client.responses.stream(model="m-1", input="hi") as stream:
        assert (await stream.get_final_response()).output_text == text("atlas", 5)


@pytest.mark.parametrize(("at", "deltas"), [(At.PREAMBLE, 0), (At.CONTENT, 2)])
async def test_a_failure_in_a_stream_is_told_by_its_last_event(atlas, client, at, deltas):
    atlas.behaviour = error_in_200(at, code="rate_limit_exceeded")
    found = [event async for event in await client.responses.create(model="m-1", input="hi", stream=True)]
    *before, last = found
    assert [event.type for event in before] == PLAIN[:4] + ["response.output_text.delta"] * deltas
    assert (last.type, last.sequence_number) == ("response.failed", len(before))
    assert (last.response.status, last.response.error.code) == ("failed", "rate_limit_exceeded")
    assert last.response.id == before[0].response.id
    with pytest.raises(RuntimeError, match=r"response\.completed"):
        async with client.responses.stream(model="m-1", input="hi") as stream:
            await stream.get_final_response()


async def test_a_flat_error_is_read_and_not_raised(atlas, client):
    atlas.behaviour = Behaviour(kind=Kind.ERROR, at=At.PREAMBLE, code="server_error", flat_error=True)
    found = [event async for event in await client.responses.create(model="m-1", input="hi", stream=True)]
    assert [event.type for event in found] == [*PLAIN[:4], "error"]
    assert (found[-1].code, found[-1].sequence_number) == ("server_error", 4)
    assert "simulated" in found[-1].message


async def test_a_whole_answer_can_have_failed(atlas, client):
    atlas.behaviour = Behaviour(kind=Kind.ERROR, code="rate_limit_exceeded")
    answer = await client.responses.create(model="m-1", input="hi")
    assert (answer.status, answer.error.code) == ("failed", "rate_limit_exceeded")
    assert (answer.output, answer.usage) == ([], None)


async def test_a_clean_cut_is_silent_but_for_the_helper(atlas, client):
    atlas.behaviour = cut(clean=True)
    found = [event async for event in await client.responses.create(model="m-1", input="hi", stream=True)]
    assert [event.type for event in found] == PLAIN[:6]
    with pytest.raises(RuntimeError, match=r"response\.completed"):
        async with client.responses.stream(model="m-1", input="hi") as stream:
            await stream.get_final_response()


async def test_a_refusal_is_raised(atlas, client):
    atlas.behaviour = fail(429, headers={"retry-after": "2"})
    with pytest.raises(openai.RateLimitError) as raised:
        await client.responses.create(model="m-1", input="hi", stream=True)
    assert raised.value.response.headers["retry-after"] == "2"
