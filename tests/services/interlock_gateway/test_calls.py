"""What an upstream is sent: its version, its credential, the client's own headers in their order."""

import gzip
import json
import zlib

import pytest

from interlock_domain.events import AttemptFailed
from interlock_domain.words import FailureClass, Result
from interlock_testing.behaviour import fail, healthy
from interlock_testing.misbehave import MisbehavingServer, always
from interlock_testing.running import CHAT, GatewayOptions, asking, declaring, running
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import (
    ANSWER,
    DONE,
    LAST_CHUNK,
    QUICK,
    STREAM_HEAD,
    chunk,
    connected,
    pieces,
    request,
    whole,
)

MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "large",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def messages_config(url: str, more: str = "") -> str:
    return declaring({"atlas": url}).replace("api_key: none", f"apis: [messages], api_key: env:K{more}")


def both(atlas: SimulatedProvider, breeze: SimulatedProvider) -> str:
    """Each is asked once at most, and none rests."""
    once = "{attempts: {retries_per_target: 0}, cooldown: {strikes: 1000, consecutive: 1000}}"
    config = declaring({"atlas": atlas.root_url, "breeze": breeze.root_url}, policy=once)
    return config.replace("api_key: none", "api_key: none, apis: [messages]")


OPTIONS = GatewayOptions(secrets={"K": "sk-of-the-provider"})


def sent(asked: bytes) -> list[tuple[str, str]]:
    """The header lines of a request as they came, names in lower case."""
    head = asked.partition(b"\r\n\r\n")[0].decode("latin-1")
    return [(line.split(": ")[0].lower(), line.split(": ", 1)[1]) for line in head.split("\r\n")[1:]]


VERSIONS = {
    "of the client": ("", {"anthropic-version": "2026-10-21"}, "2026-10-21"),
    "of the provider": (
        ", anthropic_version: '2024-01-01'",
        {"anthropic-version": "2026-10-21"},
        "2024-01-01",
    ),
    "of the provider alone": (", anthropic_version: '2024-01-01'", {}, "2024-01-01"),
    "of nobody": ("", {}, "2023-06-01"),
}


@pytest.mark.parametrize(("more", "headers", "version"), VERSIONS.values(), ids=VERSIONS)
async def test_the_version_is_the_providers_or_the_clients_or_the_stable_one(more, headers, version):
    betas = {"anthropic-beta": "b-1,b-2", "Anthropic-Dangerous": "kept"}
    async with MisbehavingServer(always(whole(json.dumps(MESSAGE).encode()))) as upstream:
        async with running(messages_config(upstream.url, more), options=OPTIONS) as loop:
            for path in (MESSAGES, COUNT):
                async with connected(loop.gateway.port) as client:
                    await client.send(request(asking(max_tokens=5), path=path, headers=headers | betas))
                    await client.until(b"\r\n\r\n")
    for asked in upstream.requests:
        lines = sent(asked)
        assert [value for name, value in lines if name == "anthropic-version"] == [version]
        assert [value for name, value in lines if name == "anthropic-beta"] == ["b-1,b-2"]
        assert ("anthropic-dangerous", "kept") in lines
        assert ("x-api-key", "sk-of-the-provider") in lines
        assert "authorization" not in dict(lines)


async def test_an_api_of_another_vendor_is_sent_no_version(atlas):
    config = declaring({"atlas": atlas.url}).replace("api_key: none", "api_key: none, anthropic_version: x")
    async with running(config) as loop:
        await loop.chat()
    assert "anthropic-version" not in atlas.requests[0].headers


async def test_repeated_beta_headers_go_on_one_by_one_in_their_order():
    async with MisbehavingServer(always(whole(json.dumps(MESSAGE).encode()))) as upstream:
        async with running(messages_config(upstream.url), options=OPTIONS) as loop:
            async with connected(loop.gateway.port) as client:
                plain = request(asking(max_tokens=5), path=MESSAGES, headers={"anthropic-beta": "z-1"})
                more = b"anthropic-beta: a-2\r\nx-claude-code-session-id: s-1\r\nanthropic-beta: m-3\r\n"
                head, _, body = plain.partition(b"\r\n\r\n")
                await client.send(head + b"\r\n" + more + b"\r\n" + body)
                assert (await client.answer())[0] == 200
    lines = sent(upstream.requests[0])
    assert [value for name, value in lines if name == "anthropic-beta"] == ["z-1", "a-2", "m-3"]
    assert ("x-claude-code-session-id", "s-1") in lines


@pytest.mark.parametrize("base", ["{root}", "{root}/v1", "{root}/proxy", "{root}/proxy/v1"])
async def test_a_base_url_of_either_kind_leads_to_the_messages(atlas, base):
    config = messages_config(base.format(root=atlas.root_url))
    async with running(config, options=OPTIONS) as loop:
        answer = await loop.http.post(MESSAGES, content=asking(max_tokens=5))
    assert answer.status_code == 200
    assert atlas.requests[0].path == base.format(root="").removesuffix("/v1") + MESSAGES


async def test_one_provider_may_speak_both_styles(atlas):
    config = declaring({"atlas": atlas.url}).replace(
        "api_key: none", "api_key: env:K, apis: [chat, messages]"
    )
    async with running(config, options=OPTIONS) as loop:
        answers = [await loop.chat(), await loop.http.post(MESSAGES, content=asking(max_tokens=5))]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [asked.path for asked in atlas.requests] == [CHAT, MESSAGES]
    assert {asked.headers["authorization"] for asked in atlas.requests} == {"Bearer sk-of-the-provider"}


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "deflate, bare": bare}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("pack", CODINGS.values(), ids=CODINGS)
async def test_a_compressed_answer_reaches_the_client_readable(pack, stream):
    coding = b"content-encoding: %b\r\n" % (b"gzip" if pack is gzip.compress else b"deflate")
    events = chunk() + chunk("wide ") + chunk("world") + chunk(finish="stop") + DONE
    packed = pack(events)
    streamed = (
        STREAM_HEAD[:-2] + coding + b"\r\n" + pieces(packed[:20], packed[20:50], packed[50:]) + LAST_CHUNK
    )
    told = streamed if stream else whole(pack(ANSWER), headers=coding)
    async with MisbehavingServer(always(told)) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat(stream=stream)
    assert answer.content == (events if stream else ANSWER)
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("coding", [b"br", b"zstd"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_coding_that_nobody_reads_is_a_failed_attempt_and_the_next_target_answers(
    breeze, coding, stream
):
    head = b"content-encoding: %b\r\n" % coding
    told = whole(b"\x0b\x02\x80whatever", headers=head)
    if stream:
        told = told.replace(b"application/json", b"text/event-stream")
    async with MisbehavingServer(always(told)) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url}, policy=QUICK)
        async with running(config) as loop:
            answer = await loop.chat(stream=stream)
            record = await loop.record(answer)
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert record.attempts[0].failure is FailureClass.MALFORMED
    assert record.attempts[0].detail is not None
    assert coding.decode() in record.attempts[0].detail


async def test_a_refusal_that_is_compressed_is_read_too():
    refusal = b'{"error": {"message": "temperature", "type": "invalid_request_error"}}'
    told = whole(gzip.compress(refusal), status="400 Bad Request", headers=b"content-encoding: gzip\r\n")
    async with MisbehavingServer(always(told)) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat()
            record = await loop.record(answer)
    assert (answer.status_code, answer.content) == (400, refusal)
    assert record.result is Result.UPSTREAM_REFUSED


async def test_failed_counts_of_tokens_cool_nobody(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(both(atlas, breeze)) as loop:
        counted = [await loop.http.post(COUNT, content=asking()) for _ in range(12)]
        record = await loop.record(counted[-1])
        facts = await loop.facts(AttemptFailed)
        atlas.behaviour = healthy()
        message = await loop.http.post(MESSAGES, content=asking(max_tokens=5))
    assert {answer.headers["x-interlock-target"] for answer in counted} == {"breeze/large"}
    assert record.attempts[0].failure is FailureClass.SERVER_ERROR
    assert facts == []
    assert message.headers["x-interlock-target"] == "atlas/large"


async def test_counts_of_tokens_that_succeed_hide_no_failure_of_messages(atlas, breeze):
    async with running(both(atlas, breeze)) as loop:
        for _ in range(3):
            atlas.behaviour = healthy()
            for _ in range(5):
                counted = await loop.http.post(COUNT, content=asking())
                assert counted.headers["x-interlock-target"] == "atlas/large"
            atlas.behaviour = fail(500)
            await loop.http.post(MESSAGES, content=asking(max_tokens=5))

        async def told() -> list[AttemptFailed]:
            found = await loop.facts(AttemptFailed)
            return found if len(found) >= 3 else []

        facts = await until(told, what="all three failures")
    assert [fact.ok_before for fact in facts] == [0, 0, 0], "a run of failures, and nothing in between"
