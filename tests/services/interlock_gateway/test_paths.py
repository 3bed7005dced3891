"""Paths: which are served, and how those that are not say so in the form of the API they belong to."""

import anthropic
import pytest

from interlock_testing.running import CHAT, asking, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import connected

OPENAI, ANTHROPIC = {"message", "type", "param", "code"}, {"type", "message", "details"}
VERSION = {"anthropic-version": "2023-06-01"}
MISSING = {
    "a chat path without its start": ("POST", "/chat/completions", {}, 404, OPENAI),
    "a chat path with a slash": ("POST", "/v1/chat/completions/", {}, 404, OPENAI),
    "a chat path, got": ("GET", "/v1/chat/completions", {}, 405, OPENAI),
    "a chat path of a client that says who it is": ("GET", "/v1/chat/completions", VERSION, 405, OPENAI),
    "messages, got": ("GET", "/v1/messages", {}, 405, ANTHROPIC),
    "counting, put": ("PUT", "/v1/messages/count_tokens", {}, 405, ANTHROPIC),
    "batches of messages": ("POST", "/v1/messages/batches", {}, 404, ANTHROPIC),
    "a batch of messages": ("GET", "/v1/messages/batches/msgbatch_1/results", {}, 404, ANTHROPIC),
    "messages with a slash": ("POST", "/v1/messages/", {}, 404, ANTHROPIC),
    "files of the openai client": ("GET", "/v1/files", {}, 404, OPENAI),
    "files of the anthropic client": ("GET", "/v1/files?beta=true", VERSION, 404, ANTHROPIC),
    "models, deleted": ("DELETE", "/v1/models", {}, 405, OPENAI),
    "models, deleted by the anthropic client": ("DELETE", "/v1/models", VERSION, 405, ANTHROPIC),
}


@pytest.mark.parametrize(("method", "path", "headers", "status", "form"), MISSING.values(), ids=MISSING)
async def test_what_is_not_served_is_told_in_the_form_of_its_api(atlas, method, path, headers, status, form):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.http.request(method, path, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == form
    assert answer.headers["x-interlock-reason"] == ("not_found" if status == 404 else "method_not_allowed")
    assert answer.headers["x-request-id"] == answer.headers["request-id"]
    assert ("allow" in answer.headers) is (status == 405)
    if form is ANTHROPIC:
        assert answer.json()["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("/chat/completions", "/v1/chat/completions"), ("/v1/v1/messages", "/v1/messages")],
)
async def test_a_base_url_with_a_usual_mistake_is_told_the_path_that_was_meant(atlas, asked, meant):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.http.post(asked)
    assert f"did you mean {meant}?" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/"),
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("HEAD", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/chat"),
        ("GET", "/v1/models/none"),
        ("GET", "/nowhere"),
        ("POST", CHAT),
        ("POST", "/v1/messages"),
    ],
)
async def test_every_answer_has_a_request_id_of_its_own_twice(atlas, method, path):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answers = [await loop.http.request(method, path) for _ in range(2)]
    found = [answer.headers["x-request-id"] for answer in answers]
    assert [answer.headers["request-id"] for answer in answers] == found
    assert len({*found}) == 2
    assert all(len(one) == 16 for one in found)


NONSENSE = {
    "not HTTP": (b"BREW\r\n\r\n", 400, OPENAI),
    "a head too large": (b"POST /v1/chat/completions HTTP/1.1\r\nx: " + b"x" * 100_000, 400, OPENAI),
    "a head of messages too large": (b"POST /v1/messages HTTP/1.1\r\nx: " + b"x" * 100_000, 400, ANTHROPIC),
    "a length of messages": (
        b"POST /v1/messages?beta=true HTTP/1.1\r\nhost: g\r\ncontent-length: x\r\n\r\n",
        400,
        ANTHROPIC,
    ),
}


@pytest.mark.parametrize(("data", "status", "form"), NONSENSE.values(), ids=NONSENSE)
async def test_what_the_server_itself_refuses_has_the_form_and_an_id_too(atlas, data, status, form):
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(data)
        head = (await client.until(b"\r\n\r\n")).decode().lower()
        body = await client.rest()
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    assert int(head.split()[1]) == status
    assert (b'"details"' in body) is (form is ANTHROPIC)
    assert len(headers["x-request-id"]) == 16
    assert headers["request-id"] == headers["x-request-id"]
    assert headers["x-interlock-reason"] == "bad_request"
    assert headers["connection"] == "close"


@pytest.mark.parametrize("path", [f"{CHAT}?beta=true", f"{CHAT}?", f"{CHAT}?a=1&a=2&b=%2F%20"])
async def test_a_path_is_matched_without_its_query_which_goes_on_as_it_is(atlas, path):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.http.post(path, content=asking())
    assert answer.status_code == 200
    assert atlas.requests[0].query == path.partition("?")[2]


async def test_the_first_words_of_claude_code_are_answered(atlas):
    config = declaring({"atlas": atlas.root_url}).replace("api_key: none", "api_key: none, apis: [messages]")
    async with running(config) as loop:
        probe = await loop.http.head("/")
        async with anthropic.AsyncAnthropic(
            base_url=loop.url, api_key=None, auth_token="any", max_retries=0
        ) as client:
            message = await client.beta.messages.create(
                model="chat",
                max_tokens=9,
                messages=[{"role": "user", "content": "hi"}],
                betas=["b-1", "b-2"],
                extra_query={"beta": "true"},
            )
        await until(lambda: not loop.gateway.service.gateway.exchanges, what="every request to end")
    assert (probe.status_code, probe.content) == (200, b"")
    assert message.stop_reason == "end_turn"
    assert atlas.requests[0].query == "beta=true"
    assert atlas.requests[0].query == "beta=true"
    assert atlas.requests[0].headers["anthropic-beta"] == "b-1,b-2"
