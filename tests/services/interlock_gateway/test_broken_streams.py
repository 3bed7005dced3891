"""A stream that fails after its first content: an in-band error, then an abort, never a clean end."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import openai
import pytest
from msgspec.structs import replace

from interlock_domain.events import AttemptFailed, SuccessesCounted
from interlock_domain.words import FailureClass, Outcome, Phase, Result
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, stall
from interlock_testing.misbehave import MisbehavingServer, Peer, resets
from interlock_testing.running import declaring, running
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    HeldProvider,
    chunk,
    connected,
    given_back,
    newest,
    pieces,
    request,
    sdk,
)

SHORT = "{timeouts: {stall: 200ms}}"

BREAKS = {
    "cut": (cut(At.CONTENT), FailureClass.TRUNCATED),
    "clean end": (cut(At.CONTENT, clean=True), FailureClass.TRUNCATED),
    "error event": (error_in_200(At.CONTENT), FailureClass.SERVER_ERROR),
    "overload event": (error_in_200(At.CONTENT, code="overloaded_error"), FailureClass.OVERLOAD),
    "malformed event": (Behaviour(kind=Kind.MALFORMED, at=At.CONTENT), FailureClass.MALFORMED),
    "stall": (stall(At.CONTENT), FailureClass.TIMEOUT),
}
# What the upstream says of itself is told in its words.
TOLD = {
    "server_error": ("server_error", "server_error"),
    "overloaded_error": ("server_error", "overloaded_error"),
}
# The pause lets the first word out before the break: an error in the same read would move on unseen.
BREAKS = {
    name: (one if one.kind is Kind.STALL else replace(one, interval_ms=1), failure)
    for name, (one, failure) in BREAKS.items()
}


@pytest.fixture
async def atlas() -> AsyncIterator[SimulatedProvider]:
    """As everywhere, but that the test ends its pauses."""
    async with HeldProvider("atlas") as provider:
        yield provider


def _go_on(atlas: SimulatedProvider) -> None:
    """End its pause; a stall stays one."""
    if atlas.behaviour.kind is not Kind.STALL:
        atlas.release()


async def _read_on(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        continue


def _policy(behaviour: Behaviour) -> str:
    return SHORT if behaviour.kind is Kind.STALL else "{}"


@pytest.mark.parametrize(("behaviour", "failure"), BREAKS.values(), ids=BREAKS)
async def test_the_client_reads_an_error_and_then_no_end(atlas, breeze, behaviour, failure):
    atlas.behaviour = behaviour
    async with (
        running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=_policy(behaviour))) as loop,
        connected(loop.gateway.port) as client,
    ):
        await client.send(request(stream=True))
        got = await client.until(b'"atlas"')
        _go_on(atlas)
        got += await client.rest()
        record = await newest(loop)
        failed = await until(lambda: loop.facts(AttemptFailed), what="the fact")
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert b"atlas" in got
    assert b"word1" in got
    assert b"breeze" not in got
    assert DONE not in got
    assert not got.endswith(LAST_CHUNK)
    last = got.rstrip(b"\r\n").rsplit(b"data: ", 1)[1]
    error = json.loads(last)["error"]
    own = ("upstream_error", failure.value)
    assert (error["type"], error["code"]) == (TOLD[behaviour.code] if behaviour.kind is Kind.ERROR else own)
    assert breeze.attempts == 0
    assert record.result is Result.BROKEN
    assert record.reason == failure.value
    (attempt,) = record.attempts
    assert (attempt.outcome, attempt.failure, attempt.phase) == (Outcome.FAILED, failure, Phase.CONTENT)
    assert [(f.failure, f.phase, f.target) for f in failed] == [(failure, Phase.CONTENT, "atlas/large")]
    assert await loop.facts(SuccessesCounted) == []


@pytest.mark.parametrize(("behaviour", "failure"), BREAKS.values(), ids=BREAKS)
async def test_the_official_client_raises(atlas, behaviour, failure):
    atlas.behaviour = behaviour
    async with (
        running(declaring({"atlas": atlas.url}, policy=_policy(behaviour))) as loop,
        sdk(loop) as client,
    ):
        stream = await client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Say hello"}], stream=True
        )
        _go_on(atlas)  # the head of a stream comes with its first content
        words = "simulated error" if behaviour.kind is Kind.ERROR else failure.value
        with pytest.raises(openai.APIError, match=words):
            await _read_on(stream)


async def test_a_plain_http_client_sees_the_abort(atlas):
    atlas.behaviour = cut(At.CONTENT, clean=True)
    async with running(declaring({"atlas": atlas.url})) as loop:
        with pytest.raises(httpx2.RemoteProtocolError):
            await loop.chat(stream=True)


async def test_what_stood_before_the_broken_event_still_goes_out():
    first_read = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk("one")))
        await first_read.wait()
        await peer.send(pieces(chunk("two") + b"data: {not json\n\n" + chunk("three")))

    async with MisbehavingServer(script) as upstream:
        async with (
            running(declaring({"atlas": f"{upstream.url}/v1"})) as loop,
            connected(loop.gateway.port) as client,
        ):
            await client.send(request(stream=True))
            await client.until(b'"one"')
            first_read.set()
            got = await client.rest()
    assert b'"two"' in got
    assert b"not json" not in got
    assert b"three" not in got


async def test_half_an_event_before_a_cut_never_reaches_the_client():
    half = chunk("never")[:-20]
    async with MisbehavingServer(resets(STREAM_HEAD + pieces(chunk("one"), half))) as upstream:
        async with (
            running(declaring({"atlas": f"{upstream.url}/v1"})) as loop,
            connected(loop.gateway.port) as client,
        ):
            await client.send(request(stream=True))
            got = await client.rest()
    assert b"never" not in got
    assert b'"error"' in got


async def test_the_connection_of_a_broken_stream_is_closed_and_not_used_again(atlas):
    atlas.behaviour = BREAKS["error event"][0]
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(request(stream=True))
        await client.until(b'"atlas"')
        _go_on(atlas)
        await client.rest()
        await until(lambda: atlas.open == 0, what="no answer to be on its way")
        await given_back(loop)
