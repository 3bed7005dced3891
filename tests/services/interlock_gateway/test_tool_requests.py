"""Tools on their way through a gateway: what reaches the upstream, and what the client is told."""

import json

import pytest

from interlock_testing.behaviour import fail
from interlock_testing.running import CHAT, running
from tests.services.interlock_gateway.wire import QUICK

MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
USER = [{"role": "user", "content": "hi"}]
BODIES = {
    CHAT: (
        b'{"model":"chat","messages":[{"role":"user","content":"hi"}],"n":1.0,"x":123456789012345678901234567890,'
        b'"tools":[{"type":"function","function":{"name":"f","parameters":%b,"strict":false}}], "seed": 7}'
    ),
    RESPONSES: b'{"model":"chat","input":"","tools":[{"type":"function","name":"f","parameters":%b}],"n":1}',
    MESSAGES: b'{"max_tokens":9,"model":"chat","messages":[],"tools":[{"name":"f","input_schema":%b}],"n":1}',
}
VALID = b'{ "type":"object", "properties":{"a":{"type":["string","null"],"default":0.10}} }'
BROKEN = b'{ "properties":{"a":{"type":["string","null"],"default":0.10}} ,"required":null}'
MENDED = b'{"properties":{"a":{"type":["string","null"],"default":0.10}},"type":"object"}'


def config(**providers: str) -> str:
    """Each provider speaks all APIs, and calls the model by another name."""
    lines = [
        f"  {name}: {{base_url: {url}, api_key: none, apis: [chat, responses, messages]}}"
        for name, url in providers.items()
    ]
    members = ", ".join(f"{name}/large" for name in providers)
    targets = [f"  {name}/large: {{upstream_model: {name}-m}}" for name in providers]
    return "\n".join(
        ["providers:", *lines, f"pools: {{chat: [{members}]}}", "targets:", *targets, f"policy: {QUICK}"]
    )


@pytest.mark.parametrize("path", BODIES)
async def test_a_valid_schema_reaches_the_upstream_byte_by_byte(atlas, path):
    body = BODIES[path] % VALID
    async with running(config(atlas=atlas.root_url if path == MESSAGES else atlas.url)) as loop:
        answer = await loop.http.post(path, content=body)
    assert answer.status_code == 200
    assert "x-interlock-repaired" not in answer.headers
    assert atlas.requests[0].body == body.replace(b'"model":"chat"', b'"model":"atlas-m"')


@pytest.mark.parametrize("path", BODIES)
async def test_of_a_broken_one_that_schema_alone_is_written_anew(atlas, path):
    async with running(config(atlas=atlas.root_url if path == MESSAGES else atlas.url)) as loop:
        answer = await loop.http.post(path, content=BODIES[path] % BROKEN)
        record = await loop.record(answer)
    assert answer.status_code == 200
    assert answer.headers["x-interlock-repaired"] == "root_type, unreadable_keyword"
    assert atlas.requests[0].body == (BODIES[path] % MENDED).replace(b'"model":"chat"', b'"model":"atlas-m"')
    assert record.bytes_in == len(BODIES[path] % BROKEN)
    assert record.inputs.traits.needs == ("tools",)


async def test_every_attempt_gets_the_mended_body_with_its_own_model(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(config(atlas=atlas.url, breeze=breeze.url)) as loop:
        answer = await loop.http.post(CHAT, content=BODIES[CHAT] % BROKEN)
    assert answer.headers["x-interlock-target"] == "breeze/large"
    sent = [json.loads(asked.body) for asked in (atlas.requests[0], atlas.requests[1], breeze.requests[0])]
    assert [body["model"] for body in sent] == ["atlas-m", "atlas-m", "breeze-m"]
    assert {body["tools"][0]["function"]["parameters"]["type"] for body in sent} == {"object"}


async def test_a_refusal_tells_of_the_repair_too(atlas):
    atlas.behaviour = fail(400, '{"error":{"message":"no such tool"}}')
    async with running(config(atlas=atlas.url)) as loop:
        answer = await loop.http.post(CHAT, content=BODIES[CHAT] % b"null")
    assert (answer.status_code, answer.headers["x-interlock-repaired"]) == (400, "no_schema")


async def test_an_upstream_cannot_tell_of_repairs_that_were_not_made(atlas):
    headers = {"x-interlock-repaired": "all", "x-interlock-model": "mine"}
    atlas.behaviour = fail(400, "{}", headers)
    async with running(config(atlas=atlas.url)) as loop:
        answer = await loop.http.post(CHAT, content=BODIES[CHAT] % VALID)
    assert answer.status_code == 400
    assert headers.keys().isdisjoint(answer.headers)
