"""Chat completions: the bytes that benchmarks are compared by, and what the openai SDK reads of the rest."""

import asyncio
import json
from hashlib import sha256
from itertools import product

import openai
import pytest

from interlock_testing.answers import Act, text
from interlock_testing.behaviour import At, Behaviour, Kind, error_in_200, fail, healthy
from tests.libs.interlock_testing.voices.wire import ARGUMENTS, SCHEMA, parsed, request, sent, wire

PATH = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]
STRICT = {"name": "weather", "strict": True, "parameters": SCHEMA}
TOOLS = [{"type": "function", "function": STRICT}]
HEAD = b'"id":"chatcmpl-atlas-7","object":"chat.completion.chunk","created":1750000000,"model":"m-1",'

EVERY_ANSWER = "a2ac030f"
"""Digest over every kind of fault at every place, taken when chat was the only API."""


def test_a_stream_is_these_bytes():
    body = request(stream=True, stream_options={"include_usage": True})
    _, headers, got = parsed(wire(PATH, body, healthy(chunks=2), n=7))
    assert headers == {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
    assert got == (
        b"data: {" + HEAD + b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},'
        b'"finish_reason":null}]}\n\n'
        b"data: {" + HEAD + b'"choices":[{"index":0,"delta":{"content":"atlas"},"finish_reason":null}]}\n\n'
        b"data: {" + HEAD + b'"choices":[{"index":0,"delta":{"content":" word1"},"finish_reason":null}]}\n\n'
        b"data: {" + HEAD + b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        b"data: {" + HEAD + b'"choices":[],"usage":{"prompt_tokens":18,"completion_tokens":2,'
        b'"total_tokens":20}}\n\n'
        b"data: [DONE]\n\n"
    )


def test_a_whole_answer_is_these_bytes():
    assert wire(PATH, request(), healthy(chunks=1), n=7) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 250\r\n\r\n"
        b'{"id":"chatcmpl-atlas-7","object":"chat.completion","created":1750000000,"model":"m-1",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"atlas"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":8,"completion_tokens":1,"total_tokens":9}}'
    )


def test_every_faulty_answer_keeps_its_bytes():
    digest = sha256()
    for kind, at, clean, stream in product(Kind, At, (False, True), (False, True)):
        behaviour = Behaviour(kind=kind, at=at, clean=clean, headers={"x-a": "b"})
        for what in sent(PATH, request(stream=stream), behaviour):
            digest.update(what.name.encode() if isinstance(what, Act) else what)
    assert digest.hexdigest()[:8] == EVERY_ANSWER


async def test_tools_are_called_in_a_whole_answer(atlas, client):
    atlas.behaviour = Behaviour(chunks=0, tool_calls=2)
    answer = await client.chat.completions.create(model="m-1", messages=HI, tools=TOOLS)
    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    first, second = choice.message.tool_calls
    assert first.id != second.id
    assert (first.function.name, json.loads(first.function.arguments)) == ("weather", ARGUMENTS)


async def test_tools_are_called_in_a_stream(atlas, client):
    atlas.behaviour = Behaviour(chunks=2, tool_calls=2)
    async with client.chat.completions.stream(
        model="m-1", messages=HI, tools=TOOLS, stream_options={"include_usage": True}
    ) as stream:
        found = [event async for event in stream]
        answer = await stream.get_final_completion()
    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", text("atlas", 2))
    assert [call.function.parsed_arguments for call in choice.message.tool_calls] == [ARGUMENTS, ARGUMENTS]
    assert len({call.id for call in choice.message.tool_calls}) == 2
    deltas = [event for event in found if event.type == "tool_calls.function.arguments.delta"]
    assert [event.index for event in deltas if event.arguments_delta] == [0] * 4 + [1] * 4
    assert answer.usage.completion_tokens == 2 + 4 + 4


async def test_tools_are_called_without_asyncio_too(atlas, blocking):
    atlas.behaviour = Behaviour(chunks=1, tool_calls=1)

    def ask():
        with blocking.chat.completions.stream(model="m-1", messages=HI, tools=TOOLS) as stream:
            return stream.get_final_completion()

    message = (await asyncio.to_thread(ask)).choices[0].message
    assert (message.content, message.tool_calls[0].function.parsed_arguments) == ("atlas", ARGUMENTS)


async def test_without_tools_in_the_request_none_are_called(atlas, client):
    atlas.behaviour = Behaviour(tool_calls=1)
    answer = await client.chat.completions.create(model="m-1", messages=HI)
    assert (answer.choices[0].finish_reason, answer.choices[0].message.tool_calls) == ("stop", None)


async def test_thoughts_come_before_words(atlas, client):
    atlas.behaviour = Behaviour(thinking=2, chunks=2)
    answer = await client.chat.completions.create(model="m-1", messages=HI)
    assert answer.choices[0].message.reasoning_content == "thought0 thought1 "
    said = []
    async for chunk in await client.chat.completions.create(model="m-1", messages=HI, stream=True):
        delta = chunk.choices[0].delta
        said.append(getattr(delta, "reasoning_content", None) or delta.content)
    assert said == ["", "thought0 ", "thought1 ", "atlas", " word1", None]


async def test_an_error_in_a_stream_is_raised(atlas, client):
    atlas.behaviour = error_in_200(At.CONTENT, code="rate_limit_exceeded")
    stream = await client.chat.completions.create(model="m-1", messages=HI, stream=True)
    said = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
    with pytest.raises(openai.APIError) as raised:
        await anext(stream)
    assert ("".join(said), raised.value.code) == (text("atlas", 2), "rate_limit_exceeded")


async def test_a_refusal_is_raised_with_its_status(atlas, client):
    atlas.behaviour = fail(429)
    with pytest.raises(openai.RateLimitError) as raised:
        await client.chat.completions.create(model="m-1", messages=HI)
    assert raised.value.body == {
        "message": "simulated 429",
        "type": "simulated_error",
        "param": None,
        "code": None,
    }
