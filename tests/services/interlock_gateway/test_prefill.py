"""The rest of an answer that broke, asked of a target that continues an assistant's message."""

import json
from typing import Any

import anthropic
import pytest
from msgspec.structs import replace

from interlock_domain.words import Outcome, Result, SkipReason
from interlock_testing.behaviour import cut
from interlock_testing.misbehave import MisbehavingServer, always
from interlock_testing.running import declaring, running
from tests.libs.interlock_protocols.messages import parts as message
from tests.services.interlock_gateway.test_resume import (
    ask,
    breaks,
    error_of,
    outcomes,
    says,
    targets,
    text_of,
)
from tests.services.interlock_gateway.wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    connected,
    newest,
    paced,
    pieces,
    request,
)

PREFILL = "{streams: {on_break: prefill}}"
ONLY_B = "targets: {b/large: {accepts_prefill: true}}"
B_AND_C = "targets: {b/large: {accepts_prefill: true}, c/large: {accepts_prefill: true}}"
ONLY_C = "targets: {c/large: {accepts_prefill: true}}"
USED: dict[str, Any] = {"usage": {"prompt_tokens": 30, "completion_tokens": 2, "total_tokens": 32}}


def asked(server: MisbehavingServer) -> dict[str, Any]:
    """The body that the upstream was sent."""
    body: dict[str, Any] = json.loads(server.requests[0].split(b"\r\n\r\n", 1)[1])
    return body


async def test_the_rest_is_asked_for_and_follows_under_the_first_answers_names():
    events = (chunk(), chunk(" three"), chunk(finish="stop", **USED), DONE)
    named = [event.replace(b'"c"', b'"other"') for event in events]
    script = breaks("one ", "two, "), always(STREAM_HEAD + pieces(*named) + LAST_CHUNK)
    async with targets(*script, policy=PREFILL, more=ONLY_B) as (loop, servers):
        got, record = await ask(loop, seed=7)
    assert asked(servers[1]) == {
        **asked(servers[0]),
        "messages": [
            {"role": "user", "content": "Say hello"},
            {"role": "assistant", "content": "one two,"},
        ],
    }
    assert text_of(got) == "one two, three"
    assert got.count(b'"role"') == 1
    assert b"other" not in got
    assert outcomes(record) == [("a", Outcome.FAILED), ("b", Outcome.SUCCEEDED)]
    assert record.result is Result.ANSWERED
    assert record.usage is not None
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (30, 2)


async def test_a_rest_without_the_blank_that_was_shown_is_not_the_rest():
    async with targets(breaks("one "), always(says("two")), policy=PREFILL, more=ONLY_B) as (loop, _):
        got, record = await ask(loop)
    assert text_of(got) == "one "
    assert error_of(got) == "truncated"
    assert record.attempts[1].detail == "differs"


async def test_only_targets_that_say_so_are_asked():
    scripts = breaks("one"), always(says("one two")), always(says(" two"))
    async with targets(*scripts, policy=PREFILL, more=ONLY_C) as (loop, servers):
        got, record = await ask(loop)
    assert text_of(got) == "one two"
    assert servers[1].requests == []
    assert outcomes(record) == [("a", Outcome.FAILED), ("c", Outcome.SUCCEEDED)]
    assert [(skip.target, skip.reason) for skip in record.skips] == [("b/large", SkipReason.NOT_RESUMABLE)]


async def test_the_rest_of_the_rest_is_asked_for_with_all_that_was_shown():
    scripts = breaks("one"), breaks(" two"), always(says(" three"))
    async with targets(*scripts, policy=PREFILL, more=B_AND_C) as (loop, servers):
        got, _ = await ask(loop)
    assert text_of(got) == "one two three"
    assert asked(servers[2])["messages"][-1]["content"] == "one two"


CALL = {"index": 0, "id": "call_1", "function": {"name": "read", "arguments": "{"}}
UNFIT = {
    "a call": (chunk("one"), chunk(finish=None, choices=[{"index": 0, "delta": {"tool_calls": [CALL]}}])),
    "a thought": (chunk("", choices=[{"index": 0, "delta": {"reasoning_content": "hm"}}]), chunk("one")),
    "two choices": (chunk("one"), chunk("two", choices=[{"index": 1, "delta": {"content": "two"}}])),
}


@pytest.mark.parametrize("events", UNFIT.values(), ids=UNFIT)
async def test_what_no_message_can_hold_is_not_continued(events):
    script = paced(STREAM_HEAD + pieces(chunk()), *map(pieces, events))
    async with targets(script, always(says("x")), policy=PREFILL, more=ONLY_B) as (loop, servers):
        got, record = await ask(loop)
    assert error_of(got) == "truncated"
    assert servers[1].requests == []
    assert [skip.reason for skip in record.skips] == [SkipReason.NOT_RESUMABLE]
    assert len(record.attempts) == 1


async def test_an_assistant_who_had_the_last_word_is_not_given_another():
    last = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "I"}]
    async with targets(breaks("one"), always(says("x")), policy=PREFILL, more=ONLY_B) as (loop, servers):
        got, record = await ask(loop, messages=last)
    assert error_of(got) == "truncated"
    assert servers[1].requests == []
    assert record.result is Result.BROKEN


async def test_the_anthropic_client_reads_one_message():
    head = STREAM_HEAD + pieces(message.START, message.BEGIN, message.HELLO)
    again = message.start(input_tokens=20, output_tokens=1).replace(b"msg_1", b"msg_2")
    events = (again, message.BEGIN, message.WORLD, message.CLOSE, message.ENDING, message.STOP)
    async with (
        MisbehavingServer(paced(head)) as first,
        MisbehavingServer(always(STREAM_HEAD + pieces(*events) + LAST_CHUNK)) as second,
    ):
        config = declaring({"a": first.url, "b": second.url}, policy=PREFILL, more=ONLY_B)
        async with (
            running(config.replace("api_key: none", "api_key: none, apis: [messages]")) as loop,
            anthropic.AsyncAnthropic(base_url=loop.url, api_key="any", max_retries=0) as client,
            client.messages.stream(
                model="chat", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            ) as stream,
        ):
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
            record = await newest(loop)
    assert asked(second)["messages"][1:] == [{"role": "assistant", "content": "hello"}]
    assert texts == ["hello", " wörld"]
    assert (final.id, [block.text for block in final.content if block.type == "text"]) == (
        "msg_1",
        ["hello wörld"],
    )
    assert (final.usage.input_tokens, final.usage.output_tokens) == (20, 9)
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (20, 9)  # type: ignore[union-attr]


async def test_a_prompt_is_continued_too():
    def said(text: str, finish: str | None = None) -> bytes:
        choice = {"index": 0, "text": text, "finish_reason": finish}
        return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"

    rest = STREAM_HEAD + pieces(said(" two"), said("", "stop"), DONE) + LAST_CHUNK
    async with targets(
        paced(STREAM_HEAD + pieces(said("one"))), always(rest), policy=PREFILL, more=ONLY_B
    ) as (loop, servers):
        body = {"model": "chat", "prompt": "Count: ", "stream": True}
        answer = await loop.http.post("/v1/completions", content=json.dumps(body))
    assert asked(servers[1])["prompt"] == "Count: one"
    assert (
        answer.content == said("one").replace(b": ", b": ") + _compact(said(" two"), said("", "stop")) + DONE
    )


def _compact(*events: bytes) -> bytes:
    """As events leave whose outer fields were written anew."""
    values = (json.loads(event[6:]) for event in events)
    return b"".join(
        b'data: {"id":"c","choices":%b}\n\n' % json.dumps(value["choices"]).encode() for value in values
    )


async def test_an_api_without_a_form_for_it_ends_with_the_break(atlas, breeze):
    atlas.behaviour = replace(cut(), interval_ms=20)
    more = "targets: {breeze/large: {accepts_prefill: true}}"
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=PREFILL, more=more)
    body = {"model": "chat", "input": "hi", "stream": True}
    async with running(config) as loop, connected(loop.gateway.port) as client:
        await client.send(request(json.dumps(body).encode(), path="/v1/responses"))
        got = await client.rest()
        record = await newest(loop)
    assert b"event: response.failed" in got
    assert breeze.attempts == 0
    assert [skip.reason for skip in record.skips] == [SkipReason.NOT_RESUMABLE]
