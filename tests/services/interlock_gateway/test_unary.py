"""A whole answer: what passes, what is dropped, what is added."""

import json

import pytest

from interlock_testing.behaviour import fail
from interlock_testing.misbehave import MisbehavingServer, always
from interlock_testing.running import CHAT, GatewayOptions, asking, declaring, running
from tests.services.interlock_gateway.wire import ANSWER, connected, request, sdk, whole

HEADERS = b"x-ratelimit-remaining-requests: 59\r\nopenai-processing-ms: 12\r\n"


async def test_an_answer_passes_with_its_own_status_headers_and_bytes():
    async with MisbehavingServer(always(whole(ANSWER, headers=HEADERS))) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat()
    assert answer.status_code == 200
    assert answer.content == ANSWER
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-ratelimit-remaining-requests"] == "59"
    assert answer.headers["openai-processing-ms"] == "12"


async def test_an_answer_names_its_request_its_target_its_attempts_and_its_snapshot(atlas, breeze):
    atlas.behaviour = fail(429)
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url})) as loop:
        answer = await loop.chat()
        record = await loop.record(answer)
    assert answer.headers["request-id"] == answer.headers["x-request-id"] == record.request_id
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert answer.headers["x-interlock-attempts"] == "2"
    assert answer.headers["x-interlock-snapshot"] == record.snapshot
    assert "x-interlock-reason" not in answer.headers


async def test_only_the_model_name_changes_on_the_way_to_the_upstream(atlas):
    body = (
        b'{ "vendor": {"n": 1.0, "big": 12345678901234567890, "e": 1E5},\n "model" :"chat",'
        b'"messages":[{"role":"user","content":"\\u00e9 \xc3\xa9 \\"model\\": \\"chat\\""}],"dup":1,"dup":2 }'
    )
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.http.post(CHAT, content=body)
        record = await loop.record(answer)
    assert answer.status_code == 200
    assert atlas.requests[0].body == body.replace(b'"model" :"chat"', b'"model" :"large"', 1)
    assert record.attempts[0].redirect == "large"


async def test_a_declared_redirect_names_the_model_that_the_upstream_knows(atlas):
    more = "targets: {atlas/large: {upstream_model: org/large-v2}}"
    async with running(declaring({"atlas": atlas.url}, more=more)) as loop:
        record = await loop.record(await loop.chat())
        again = await loop.record(await loop.chat("atlas/large"))
    assert [asked.model for asked in atlas.requests] == ["org/large-v2", "org/large-v2"]
    assert [r.attempts[0].redirect for r in (record, again)] == ["org/large-v2", "org/large-v2"]


async def test_an_attempt_without_a_redirect_records_the_absence(atlas):
    more = "targets: {atlas/large: {upstream_model: chat}}"
    async with running(declaring({"atlas": atlas.url}, more=more)) as loop:
        record = await loop.record(await loop.chat())
    assert record.attempts[0].redirect is None


async def test_the_query_string_passes_and_joins_that_of_the_provider():
    async with MisbehavingServer(always(whole(ANSWER))) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1"}).replace(
            "api_key: none", 'api_key: none, query: {api-version: "2026-10"}'
        )
        async with running(config) as loop:
            answer = await loop.http.post(f"{CHAT}?beta=true&x=%20", content=asking())
    assert answer.status_code == 200
    line = upstream.requests[0].split(b"\r\n")[0]
    assert line == b"POST /v1/chat/completions?api-version=2026-10&beta=true&x=%20 HTTP/1.1"


async def test_the_clients_credential_never_goes_upstream_and_the_providers_own_does(atlas):
    config = declaring({"atlas": atlas.url}).replace("api_key: none", "api_key: env:ATLAS_KEY")
    secret_headers = {
        "authorization": "Bearer sk-of-the-client",
        "x-api-key": "sk-of-the-client",
        "api-key": "sk-of-the-client",
        "cookie": "session=sk-of-the-client",
        "proxy-authorization": "Basic sk-of-the-client",
    }
    options = GatewayOptions(secrets={"ATLAS_KEY": "sk-of-the-provider"})
    async with running(config, options=options) as loop:
        answer = await loop.http.post(CHAT, content=asking(), headers=secret_headers)
    assert answer.status_code == 200
    sent = atlas.requests[0].headers
    assert sent["authorization"] == "Bearer sk-of-the-provider"
    assert "sk-of-the-client" not in str(sent)


async def test_a_provider_may_have_a_credential_header_and_headers_of_its_own(atlas):
    config = declaring({"atlas": atlas.url}).replace(
        "api_key: none",
        'api_key: env:K, auth: {header: x-api-key, prefix: ""}, headers: {x-team: blue, x-more: env:MORE}',
    )
    options = GatewayOptions(secrets={"K": "sk-1", "MORE": "m-1"})
    async with running(config, options=options) as loop:
        await loop.http.post(CHAT, content=asking(), headers={"x-team": "red", "x-client": "kept"})
    sent = atlas.requests[0].headers
    assert (sent["x-api-key"], sent["x-team"], sent["x-more"]) == ("sk-1", "blue", "m-1")
    assert sent["x-client"] == "kept"
    assert "authorization" not in sent


async def test_hop_by_hop_headers_of_the_client_stay_here(atlas):
    hops = {
        "Connection": "keep-alive, X-Private-Hop",
        "X-Private-Hop": "1",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
        "Trailer": "x-sum",
        "Proxy-Connection": "keep-alive",
        "Accept-Encoding": "gzip, br",
        "X-End-To-End": "1",
    }
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(request(headers=hops))
        status, _ = await client.answer()
    assert status == 200
    sent = atlas.requests[0].headers
    assert sent["x-end-to-end"] == "1"
    assert sent["accept-encoding"] == "identity"
    assert not {"connection", "x-private-hop", "keep-alive", "te", "trailer", "proxy-connection"} & set(sent)


async def test_hop_by_hop_headers_of_the_upstream_stay_here_too():
    hops = (
        b"connection: keep-alive, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nserver: up\r\nx-kept: 1\r\n"
    )
    async with MisbehavingServer(always(whole(ANSWER, headers=hops))) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat()
    assert answer.headers["x-kept"] == "1"
    assert not {"connection", "x-hop", "keep-alive", "server", "transfer-encoding"} & set(answer.headers)


async def test_an_upstreams_own_request_id_does_not_stand_in_for_ours():
    async with MisbehavingServer(always(whole(ANSWER, headers=b"x-request-id: theirs\r\n"))) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat()
    assert answer.headers.get_list("x-request-id") == [answer.headers["request-id"]]
    assert answer.headers["x-request-id"] != "theirs"


async def test_a_gzipped_answer_of_a_stubborn_upstream_reaches_the_client_readable():
    import gzip

    packed = gzip.compress(ANSWER)
    async with MisbehavingServer(always(whole(packed, headers=b"content-encoding: gzip\r\n"))) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat()
    assert answer.content == ANSWER


async def test_the_official_client_reads_the_answer(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop, sdk(loop) as client:
        answer = await client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Say hello"}]
        )
        record = await loop.record(answer._request_id or "")
    assert answer.choices[0].message.content == "atlas word1 word2 word3 word4"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
    assert record.usage is not None
    assert record.usage.completion_tokens == 5


@pytest.mark.parametrize("expect", ["100-continue", None])
async def test_a_large_body_passes_whole_with_and_without_expect(atlas, expect):
    body = asking(user="x" * 3_000_000)
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        whole_request = request(body, headers={"Expect": expect} if expect else {})
        head, _, _ = whole_request.partition(b"\r\n\r\n")
        await client.send(head + b"\r\n\r\n")
        if expect:
            assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        status, _ = await client.answer()
    assert status == 200
    assert len(atlas.requests[0].body) == len(body) + len("large") - len("chat")
    assert json.loads(atlas.requests[0].body)["user"] == "x" * 3_000_000


async def test_a_client_that_offers_another_protocol_is_served_all_the_same(atlas):
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAAB"}
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(request(headers=offer))
        status, _ = await client.answer()
    assert status == 200
    assert not {"upgrade", "http2-settings", "connection"} & set(atlas.requests[0].headers)


async def test_two_requests_in_one_packet_are_answered_in_order(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(request(user="1") + request(user="2"))
        first, second = await client.answer(), await client.answer()
    assert [first[0], second[0]] == [200, 200]
    assert [json.loads(asked.body)["user"] for asked in atlas.requests] == ["1", "2"]
