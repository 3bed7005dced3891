"""Messages as the anthropic SDK reads them: plain, event by event, by its stream helper, and counted."""

import asyncio
import json
from typing import Any

import anthropic
import httpx2
import pytest

from interlock_domain.words import Api
from interlock_testing.answers import text
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail
from tests.libs.interlock_testing.voices.wire import ARGUMENTS, SCHEMA, events, parsed, request, wire

PATH = "/v1/messages"
HI = [{"role": "user", "content": "hi"}]
TOOLS = [{"name": "weather", "input_schema": SCHEMA}]
ASKED = {"model": "m-1", "max_tokens": 100, "messages": HI}
FULL = Behaviour(thinking=2, chunks=3, tool_calls=1)
STARTED = ["message_start", "content_block_start", "ping"]


async def names_and_error(claude, **more: Any) -> tuple[list[str], Any]:
    """The events of a stream until it raises, and what it raises."""
    seen = []
    try:
        async for event in await claude.messages.create(**ASKED, **more, stream=True):
            seen.append(event.type)  # noqa: PERF401  those before the error are the point
    except anthropic.APIStatusError as error:
        return seen, error
    pytest.fail(f"no error after {seen}")


async def test_a_whole_answer_says_who_answered(atlas, claude):
    answer = await claude.messages.create(**ASKED)
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", "m-1")
    assert [(block.type, block.text) for block in answer.content] == [("text", text("atlas", 5))]
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    prompt = len(atlas.requests[0].body) // 4
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (prompt, 5)
    assert answer._request_id == "req_atlas_1"
    assert (atlas.requests[0].api, atlas.requests[0].path) == (Api.MESSAGES, "/v1/messages")


async def test_a_whole_answer_has_thoughts_and_calls(atlas, claude):
    atlas.behaviour = FULL
    answer = await claude.messages.create(**ASKED, tools=TOOLS)
    thought, said, called = answer.content
    assert (thought.type, thought.thinking) == ("thinking", "thought0 thought1 ")
    assert (thought.signature, said.text) == ("signed-atlas", text("atlas", 3))
    assert (called.type, called.name, called.input) == ("tool_use", "weather", ARGUMENTS)
    assert (answer.stop_reason, answer.usage.output_tokens) == ("tool_use", 2 + 3 + 4)


def test_events_come_as_in_the_reference():
    _, headers, body = parsed(wire(PATH, request(stream=True), Behaviour(chunks=2)))
    found = events(body)
    assert headers["request-id"] == "req_atlas_1"
    assert all(name == data["type"] for name, data in found)
    assert [name for name, _ in found] == [
        *STARTED,
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    start, delta = found[0][1]["message"], found[-2][1]
    assert (start["content"], start["stop_reason"], start["usage"]["output_tokens"]) == ([], None, 1)
    assert start["usage"]["input_tokens"] == len(request(stream=True)) // 4
    assert (delta["delta"]["stop_reason"], delta["usage"]) == ("end_turn", {"output_tokens": 2})


async def test_the_helper_puts_a_stream_together(atlas, claude):
    atlas.behaviour = FULL
    seen: dict[str, str] = {"text": "", "thinking": "", "input_json": "", "signature": ""}
    async with claude.messages.stream(**ASKED, tools=TOOLS) as stream:
        async for event in stream:
            if event.type in ("text", "thinking", "signature"):
                seen[event.type] += getattr(event, event.type)
            elif event.type == "input_json":
                seen["input_json"] += event.partial_json
        answer = await stream.get_final_message()
        assert stream.request_id == "req_atlas_1"
    assert seen == {
        "text": text("atlas", 3),
        "thinking": "thought0 thought1 ",
        "input_json": json.dumps(ARGUMENTS),
        "signature": "signed-atlas",
    }
    whole = await claude.messages.create(**ASKED, tools=TOOLS)
    assert [block.to_dict() for block in answer.content] == [
        block.to_dict() | ({"id": answer.content[2].id} if block.type == "tool_use" else {})
        for block in whole.content
    ]
    assert (answer.stop_reason, answer.usage.output_tokens) == ("tool_use", 2 + 3 + 4)


async def test_the_helper_works_without_asyncio_too(atlas, blocking_claude):
    atlas.behaviour = FULL

    def ask():
        with blocking_claude.messages.stream(**ASKED, tools=TOOLS) as stream:
            return "".join(stream.text_stream), stream.get_final_message()

    said, answer = await asyncio.to_thread(ask)
    assert said == text("atlas", 3)
    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
    assert answer.content[2].input == ARGUMENTS


async def test_a_stream_may_be_calls_alone(atlas, claude):
    atlas.behaviour = Behaviour(chunks=0, tool_calls=2)
    async with claude.messages.stream(**ASKED, tools=TOOLS) as stream:
        answer = await stream.get_final_message()
    assert [block.input for block in answer.content] == [ARGUMENTS, ARGUMENTS]
    assert len({block.id for block in answer.content}) == 2


def test_a_block_opens_empty():
    _, _, body = parsed(wire(PATH, request(stream=True, tools=TOOLS), FULL))
    thought, said, called = [data for name, data in events(body) if name == "content_block_start"]
    assert thought["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert said["content_block"] == {"type": "text", "text": ""}
    assert (called["content_block"]["name"], called["content_block"]["input"]) == ("weather", {})
    assert [each["index"] for each in (thought, said, called)] == [0, 1, 2]


async def test_a_call_does_not_open_before_content(atlas, claude):
    atlas.behaviour = Behaviour(kind=Kind.ERROR, at=At.PREAMBLE, chunks=0, tool_calls=1)
    seen, _ = await names_and_error(claude, tools=TOOLS)
    assert seen == ["message_start"]


async def test_tokens_are_counted(atlas, claude, blocking_claude):
    counted = await claude.messages.count_tokens(model="m-1", messages=HI)
    assert counted.input_tokens == len(atlas.requests[0].body) // 4
    assert (atlas.attempts, atlas.requests[0].api) == (1, Api.MESSAGES)
    assert atlas.requests[0].path == "/v1/messages/count_tokens"
    again = await asyncio.to_thread(lambda: blocking_claude.messages.count_tokens(model="m-1", messages=HI))
    assert again == counted
    atlas.behaviour = fail(404)
    with pytest.raises(anthropic.NotFoundError):
        await claude.messages.count_tokens(model="m-1", messages=HI)


@pytest.mark.parametrize(("at", "deltas"), [(At.PREAMBLE, 0), (At.CONTENT, 2)])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", "api_error"),
        ("rate_limit_exceeded", "rate_limit_error"),
        ("server_is_overloaded", "overloaded_error"),
        ("overloaded_error", "overloaded_error"),
    ],
)
async def test_an_error_in_a_stream_is_raised(atlas, claude, at, deltas, code, kind):
    atlas.behaviour = error_in_200(at, code=code)
    seen, error = await names_and_error(claude)
    # The client keeps pings to itself.
    assert seen == ["message_start", "content_block_start"] + ["content_block_delta"] * deltas
    assert (error.status_code, error.type) == (200, kind)
    assert error.body["request_id"] == "req_atlas_1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
async def test_a_refusal_has_the_type_of_its_status(atlas, claude, status, kind):
    atlas.behaviour = fail(status, headers={"x-seen": "yes"})
    with pytest.raises(anthropic.APIStatusError) as raised:
        await claude.messages.create(**ASKED)
    error: Any = raised.value
    assert (error.status_code, error.type, error.request_id) == (status, kind, "req_atlas_1")
    assert error.body["error"]["message"] == f"simulated {status}"
    assert error.response.headers["x-seen"] == "yes"


def test_an_error_in_a_whole_200_is_typed_at_its_root():
    status, _, body = parsed(wire(PATH, request(), Behaviour(kind=Kind.ERROR)))
    assert (status, json.loads(body)["type"]) == (200, "error")
    assert json.loads(body)["error"]["type"] == "api_error"


async def test_a_clean_cut_looks_like_success(atlas, claude):
    atlas.behaviour = cut(clean=True)
    async with claude.messages.stream(**ASKED) as stream:
        answer = await stream.get_final_message()
    assert (answer.content[0].text, answer.stop_reason) == (text("atlas", 2), None)


async def test_a_cut_is_an_error_of_the_connection(atlas, claude):
    atlas.behaviour = cut()
    async with claude.messages.stream(**ASKED) as stream:
        with pytest.raises(httpx2.RemoteProtocolError):
            await stream.until_done()
        assert stream.current_message_snapshot.content[0].text == text("atlas", 2)


async def test_an_answer_without_message_stop_has_its_stop_reason(atlas, claude):
    atlas.behaviour = Behaviour(kind=Kind.NO_SENTINEL)
    found = [event async for event in await claude.messages.create(**ASKED, stream=True)]
    assert (found[-1].type, found[-1].delta.stop_reason) == ("message_delta", "end_turn")
