"""A model that thinks and shows nothing of it is waited for; one that only keeps the line open is not."""

import asyncio
import json
from typing import Any

import pytest

from interlock_domain.words import FailureClass, Outcome, Phase
from interlock_testing.misbehave import MisbehavingServer, Peer, Script
from interlock_testing.running import declaring, running
from tests.services.interlock_gateway.wire import LAST_CHUNK, STREAM_HEAD, pieces

PACE_S = 0.3
ROUNDS = 6
POLICY = "{timeouts: {first_token: 1s, stall: 2s}, attempts: {retries_per_target: 0}}"
"""The model thinks for longer than the first token may take, and never pauses nearly as long as the stall."""


def named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


PING = b'event: ping\ndata: {"type": "ping"}\n\n'
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "large", "content": [], "usage": {}}
START = named("message_start", message=MESSAGE)
THINKS = named(
    "content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}
)
SAYS_NOTHING = named("content_block_start", index=0, content_block={"type": "text", "text": ""})
SAYS = (
    named("content_block_delta", index=1, delta={"type": "text_delta", "text": "42"}),
    named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}),
    named("message_stop"),
)
ERROR = named("error", error={"type": "overloaded_error", "message": "Overloaded"})
CREATED = named("response.created", sequence_number=0, response={"id": "r", "object": "response"})
REASONS = named("response.output_item.added", sequence_number=1, item={"type": "reasoning", "summary": []})
KEEPALIVE = named("keepalive", sequence_number=2)
COMPLETED = named("response.completed", sequence_number=3, response={"id": "r", "status": "completed"})


def thinking(*opening: bytes, sign: bytes, then: tuple[bytes, ...]) -> Script:
    """Opens, sends signs of life at a pace, then says something."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(*opening))
        for _ in range(ROUNDS):
            await asyncio.sleep(PACE_S)
            await peer.send(pieces(sign))
        await peer.send(pieces(*then) + LAST_CHUNK)

    return script


@pytest.mark.parametrize(
    ("path", "opening", "sign", "then"),
    [
        ("/v1/messages", (START, THINKS), PING, SAYS),
        ("/v1/responses", (CREATED, REASONS), KEEPALIVE, (COMPLETED,)),
    ],
)
async def test_thinking_that_outlasts_the_first_token_is_waited_for(path, opening, sign, then):
    async with MisbehavingServer(thinking(*opening, sign=sign, then=then)) as upstream:
        base = upstream.url if path == "/v1/messages" else f"{upstream.url}/v1"
        config = declaring({"atlas": base}, policy=POLICY).replace(
            "api_key: none", "api_key: none, apis: [messages, responses]"
        )
        async with running(config) as loop:
            got = await loop.http.post(path, content=_body())
            record = await loop.record(got)
    assert got.content.startswith(b"".join(opening) + sign * ROUNDS + then[0])
    assert len(record.attempts) == 1
    assert record.attempts[0].outcome is Outcome.SUCCEEDED
    assert record.attempts[0].ttft_ms is not None
    assert record.attempts[0].ttft_ms >= 1_000


async def test_an_error_while_the_first_token_may_still_come_is_hidden_although_the_model_thinks():
    script = thinking(START, THINKS, sign=ERROR, then=())
    async with MisbehavingServer(script) as broken, MisbehavingServer(_answering()) as well:
        async with running(_two(broken, well)) as loop:
            got = await loop.http.post("/v1/messages", content=_body())
            record = await loop.record(got)
    assert got.content == START + b"".join(SAYS)
    assert record.attempts[0].failure is FailureClass.OVERLOAD


async def test_a_line_that_is_only_kept_open_is_given_up():
    script = thinking(START, SAYS_NOTHING, sign=PING, then=SAYS)
    async with MisbehavingServer(script) as hung, MisbehavingServer(_answering()) as well:
        async with running(_two(hung, well)) as loop:
            got = await loop.http.post("/v1/messages", content=_body())
            record = await loop.record(got)
    assert got.content == START + b"".join(SAYS)
    assert (record.attempts[0].failure, record.attempts[0].phase) == (FailureClass.TIMEOUT, Phase.PREAMBLE)


async def test_thinking_without_a_sign_of_life_is_given_up():
    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(START, THINKS))
        await peer.gone()

    async with MisbehavingServer(silent) as hung, MisbehavingServer(_answering()) as well:
        async with running(_two(hung, well)) as loop:
            got = await loop.http.post("/v1/messages", content=_body())
            record = await loop.record(got)
    assert got.content == START + b"".join(SAYS)
    assert record.attempts[0].failure is FailureClass.TIMEOUT


def _answering() -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(START, *SAYS) + LAST_CHUNK)

    return script


def _two(first: MisbehavingServer, second: MisbehavingServer) -> str:
    config = declaring({"atlas": first.url, "breeze": second.url}, policy=POLICY)
    return config.replace("api_key: none", "api_key: none, apis: [messages]")


def _body() -> bytes:
    return json.dumps(
        {
            "model": "chat",
            "max_tokens": 9,
            "stream": True,
            "input": "hi",
            "messages": [{"role": "user", "content": "hi"}],
        }
    ).encode()
