"""What a client is told beside the answer: ids, rate limits, and whether and when to ask again."""

import pytest

from interlock_testing.behaviour import fail, healthy
from interlock_testing.misbehave import MisbehavingServer, always
from interlock_testing.running import asking, declaring, running
from tests.services.interlock_gateway.wire import (
    ANSWER,
    DONE,
    LAST_CHUNK,
    QUICK,
    STREAM_HEAD,
    chunk,
    pieces,
    whole,
)

OPENAI = {
    "openai-processing-ms": "312",
    "openai-version": "2020-10-01",
    "openai-organization": "org-1",
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-remaining-tokens": "29990",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    f"anthropic-ratelimit-{what}-{which}": value
    for what in ("requests", "tokens", "input-tokens", "output-tokens")
    for which, value in (("limit", "50"), ("remaining", "49"), ("reset", "2026-11-20T12:00:00Z"))
} | {"anthropic-organization-id": "o-1", "anthropic-workspace-id": "w-1"}


def lines(headers: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("family", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
async def test_limits_and_times_of_both_vendors_pass_back(family, stream):
    events = pieces(chunk(), chunk("hi"), chunk(finish="stop"), DONE) + LAST_CHUNK
    told = (
        STREAM_HEAD[:-2] + lines(family) + b"\r\n" + events
        if stream
        else whole(ANSWER, headers=lines(family))
    )
    async with MisbehavingServer(always(told)) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat(stream=stream)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in family} == family


@pytest.mark.parametrize("name", ["x-request-id", "request-id"])
async def test_the_upstreams_own_id_stands_beside_ours(name):
    async with MisbehavingServer(always(whole(ANSWER, headers=lines({name: "req_theirs"})))) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            answer = await loop.chat()
            record = await loop.record(answer)
    assert answer.headers["x-request-id"] == answer.headers["request-id"] == record.request_id
    assert answer.headers.get_list("x-upstream-request-id") == ["req_theirs"]


async def test_an_upstream_without_an_id_is_given_none(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        assert "x-upstream-request-id" not in (await loop.chat()).headers


WAITS = {
    "short": ({"retry-after": "7"}, "7", {}),
    "short, in milliseconds": ({"retry-after-ms": "700"}, None, {}),
    "at the cap": ({"retry-after": "60"}, "60", {}),
    "long": ({"retry-after": "3600"}, "60", {"retry-after": "3600"}),
    "long, in milliseconds": ({"retry-after-ms": "90000"}, "60", {"retry-after-ms": "90000"}),
    "long, in both": (
        {"retry-after": "90", "retry-after-ms": "90000"},
        "60",
        {"retry-after": "90", "retry-after-ms": "90000"},
    ),
    "a date": (
        {"date": "Fri, 20 Nov 2026 12:00:00 GMT", "retry-after": "Fri, 20 Nov 2026 12:05:00 GMT"},
        "60",
        {"retry-after": "Fri, 20 Nov 2026 12:05:00 GMT"},
    ),
    "none": ({}, None, {}),
}


@pytest.mark.parametrize(("theirs", "wait", "original"), WAITS.values(), ids=WAITS)
async def test_an_upstreams_own_refusal_asks_no_client_to_wait_longer_than_a_minute(
    atlas, theirs, wait, original
):
    atlas.behaviour = fail(429, headers=theirs)
    async with running(declaring({"atlas": atlas.url}, policy=QUICK)) as loop:
        answer = await loop.chat("atlas/large")
    assert answer.status_code == 429
    assert answer.headers.get_list("retry-after") == ([] if wait is None else [wait])
    aside = {
        name[11:]: value for name, value in answer.headers.items() if name.startswith("x-upstream-retry")
    }
    assert aside == original
    assert ("retry-after-ms" in answer.headers) is ("retry-after-ms" in theirs and not original)
    # A wait that was stated is for the client to sleep: nobody here has.
    assert answer.headers.get_list("x-should-retry") == ([] if theirs else ["false"])


async def test_what_the_upstream_says_of_a_callers_own_fault_stays(atlas):
    atlas.behaviour = fail(400, headers={"x-should-retry": "true", "retry-after": "5"})
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.chat()
    assert (answer.headers["x-should-retry"], answer.headers["retry-after"]) == ("true", "5")


async def test_a_refusal_of_ours_never_asks_for_more_than_a_minute_either(atlas, breeze):
    atlas.behaviour = fail(429, headers={"retry-after": "300"})
    breeze.behaviour = fail(429, headers={"retry-after": "200"})
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url})) as loop:
        answer = await loop.chat()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.headers["x-should-retry"] == "false"


REFUSED = {
    "a body that is none": (b"{", "invalid_json", None),
    "a model that is none": (asking("none"), "model_not_found", None),
    "no capacity": (asking(), "capacity", "false"),
}


@pytest.mark.parametrize(("body", "reason", "advice"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_every_failure_says_why_for_whom_and_after_how_many_attempts(atlas, path, body, reason, advice):
    atlas.behaviour = fail(429, headers={"retry-after": "9"})
    base = atlas.url.removesuffix("/v1")
    config = declaring({"atlas": base}).replace("api_key: none", "api_key: none, apis: [chat, messages]")
    if path.endswith("completions"):
        config = config.replace(base, atlas.url)
    async with running(config) as loop:
        answer = await loop.http.post(path, content=body.replace(b"}]", b'}], "max_tokens": 5'))
        held = loop.gateway.service.gateway.follow.held
    assert held is not None
    assert answer.headers["x-interlock-reason"] == reason
    assert answer.headers["x-interlock-attempts"] == ("1" if advice else "0")
    assert answer.headers["x-interlock-snapshot"] == held.version
    assert answer.headers.get("x-interlock-target") == ("atlas/large" if advice else None)
    assert answer.headers.get("x-should-retry") == advice
    assert len(answer.headers["request-id"]) == 16


async def test_errors_of_messages_pass_byte_for_byte_with_their_status_and_headers(atlas):
    body = (
        '{"type":"error",  "error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}\n'
    )
    atlas.behaviour = fail(400, body, headers={"request-id": "req_theirs", **ANTHROPIC})
    config = declaring({"atlas": atlas.root_url}).replace("api_key: none", "api_key: none, apis: [messages]")
    async with running(config) as loop:
        for stream in (False, True):
            answer = await loop.http.post(
                "/v1/messages?beta=true", content=asking(max_tokens=5, stream=stream)
            )
            assert (answer.status_code, answer.text) == (400, body)
            assert {name: answer.headers[name] for name in ANTHROPIC} == ANTHROPIC
            assert answer.headers["x-upstream-request-id"] == "req_theirs"
            assert answer.headers["request-id"] != "req_theirs"
        atlas.behaviour = healthy()
        assert (await loop.http.post("/v1/messages", content=asking(max_tokens=5))).status_code == 200
