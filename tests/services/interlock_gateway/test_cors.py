"""Pages in browsers: off by default, and never more than `server.cors_origins` says."""

import httpx2
import pytest

from interlock_testing.behaviour import fail
from interlock_testing.running import CHAT, asking, declaring, running
from interlock_testing.upstream import SimulatedProvider
from tests.services.interlock_gateway.test_keys import KEY, keys
from tests.services.interlock_gateway.wire import QUICK, connected, request

PAGE, OTHER = "https://app.example.org", "https://evil.example.org"
ASKS = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}


def config(atlas: SimulatedProvider, *origins: str, more: str = "") -> str:
    listed = ", ".join(f"'{origin}'" for origin in origins)
    return declaring({"atlas": atlas.url}, policy=QUICK, more=f"server: {{cors_origins: [{listed}]}}\n{more}")


def cors_headers(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_nobody_may_by_default_and_no_word_is_lost_on_it(atlas):
    async with running(declaring({"atlas": atlas.url}, more=keys(""))) as loop:
        asked = await loop.http.request("OPTIONS", CHAT, headers={"origin": PAGE, **ASKS})
        answer = await loop.http.post(
            CHAT, content=asking(), headers={"origin": PAGE, "authorization": f"Bearer {KEY}"}
        )
    assert (asked.status_code, answer.status_code) == (405, 200)
    assert cors_headers(asked) == cors_headers(answer) == {}


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/models", "/v1/models/chat"])
async def test_a_page_that_is_named_may_ask_with_its_key_and_its_headers(atlas, path):
    async with running(config(atlas, "https://one.example.org", PAGE, more=keys(""))) as loop:
        asked = await loop.http.request("OPTIONS", path, headers={"origin": PAGE, **ASKS})
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert asked.headers["access-control-allow-headers"] == ASKS["access-control-request-headers"]
    assert asked.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert asked.headers["vary"] == "origin"
    assert asked.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in asked.headers


ANSWERS = {
    "a whole answer": (CHAT, {}, 200),
    "a stream": (CHAT, {"stream": True}, 200),
    "a refusal of ours": (CHAT, {"model": "none"}, 404),
    "a path that is none": ("/v1/none", {}, 404),
}


@pytest.mark.parametrize(("path", "fields", "status"), ANSWERS.values(), ids=ANSWERS)
async def test_a_page_that_is_named_reads_the_answer_and_what_it_says_of_itself(atlas, path, fields, status):
    async with running(config(atlas, PAGE.replace("app", "APP"))) as loop:
        body = asking(**fields)
        answer = await loop.http.post(path, content=body, headers={"origin": PAGE})
        plain = await loop.http.post(path, content=body)
    assert answer.status_code == plain.status_code == status
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "origin"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "request-id", "retry-after", "x-interlock-reason", "*"} <= set(exposed)
    assert {name for name in plain.headers if name.startswith("x-interlock-")} <= set(exposed)
    assert cors_headers(plain) == {}
    assert plain.content[:20] == answer.content[:20]


async def test_a_page_that_is_not_named_is_told_nothing(atlas):
    async with running(config(atlas, PAGE, more=keys(""))) as loop:
        asked = await loop.http.request("OPTIONS", CHAT, headers={"origin": OTHER, **ASKS})
        listed = await loop.http.get(
            "/v1/models", headers={"origin": OTHER, "authorization": f"Bearer {KEY}"}
        )
    assert asked.status_code == 403
    assert asked.headers["x-interlock-reason"] == "foreign_origin"
    assert cors_headers(asked) == cors_headers(listed) == {}


async def test_a_star_is_every_page_and_never_a_cookie(atlas):
    async with running(config(atlas, "*")) as loop:
        asked = await loop.http.request("OPTIONS", CHAT, headers={"origin": OTHER, **ASKS})
        answer = await loop.http.post(CHAT, content=asking(), headers={"origin": OTHER})
    for one in (asked, answer):
        assert one.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in one.headers
    assert answer.status_code == 200


async def test_what_an_upstream_says_to_browsers_is_not_passed_on(atlas):
    theirs = {
        "access-control-allow-origin": "*",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-theirs",
        "set-cookie": "session=1",
        "strict-transport-security": "max-age=1",
        "alt-svc": 'h3=":443"',
        "x-interlock-reason": "theirs",
        "x-kept": "1",
    }
    atlas.behaviour = fail(400, headers=theirs)
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.chat()
    assert answer.status_code == 400
    assert answer.headers["x-kept"] == "1"
    assert answer.headers.get_list("x-interlock-reason") == ["caller_fault"]
    assert set(theirs) & set(answer.headers) == {"x-interlock-reason", "x-kept"}


async def test_without_keys_a_page_may_not_even_send_what_it_could_not_read(atlas):
    """A form or a `no-cors` fetch needs no preflight: without this every page could spend the credentials."""
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        simple = {"Origin": OTHER, "Content-Type": "text/plain"}
        await client.send(request(headers=simple))
        status, body = await client.answer()
        assert (await loop.chat()).status_code == 200
    assert (status, body["error"]["code"]) == (403, "foreign_origin")
    assert "server.cors_origins" in body["error"]["message"]
    assert atlas.attempts == 1


async def test_a_change_of_the_origins_is_in_force_with_its_snapshot(atlas):
    async with running(config(atlas, PAGE)) as loop:
        await loop.apply(config(atlas, OTHER))
        await loop.settle()
        old = await loop.http.request("OPTIONS", CHAT, headers={"origin": PAGE, **ASKS})
        new = await loop.http.request("OPTIONS", CHAT, headers={"origin": OTHER, **ASKS})
        await loop.apply(declaring({"atlas": atlas.url}))
        await loop.settle()
        none = await loop.http.request("OPTIONS", CHAT, headers={"origin": OTHER, **ASKS})
    assert [one.status_code for one in (old, new, none)] == [403, 200, 405]
