"""A provider whose faults are asked for by the names of its models."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from interlock_testing.answers import text
from interlock_testing.faults import FAULTS
from interlock_testing.faulty import FaultyProvider
from interlock_testing.waiting import until


@pytest.fixture
async def faulty() -> AsyncIterator[FaultyProvider]:
    async with FaultyProvider("atlas", slow_s=0.05) as provider:
        yield provider


async def asked(provider: FaultyProvider, model: str, *, stream: bool = False) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    async with httpx2.AsyncClient(timeout=30, verify=False) as client:  # no TLS here
        return await client.post(f"{provider.url}/chat/completions", json=body)


@pytest.mark.parametrize("name", ["none", "slow-first-token"])
async def test_without_a_fault_it_answers(faulty, name):
    whole = await asked(faulty, f"{name}.1")
    assert whole.json()["choices"][0]["message"]["content"] == text("atlas", 5)
    streamed = await asked(faulty, f"{name}.2", stream=True)
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert faulty.requests == {f"{name}.1": 1, f"{name}.2": 1}


async def test_a_refusal_names_its_model_and_keeps_the_connection(faulty):
    body = {"model": "404-model.org/large", "messages": []}
    async with httpx2.AsyncClient(timeout=30, verify=False) as client:
        answers = [await client.post(f"{faulty.url}/chat/completions", json=body) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json()["error"]["message"] == "The model `404-model.org/large` does not exist."


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["reset-before-headers", "reset-after-headers", "length-too-large"])
async def test_a_broken_connection_is_an_error_of_the_client(faulty, name, stream):
    asking = asyncio.create_task(asked(faulty, f"{name}.1", stream=stream))
    await until(lambda: faulty.requests[f"{name}.1"] == 1, what="the request")
    faulty.heard(f"{name}.1")
    with pytest.raises(httpx2.TransportError):
        await asking
    await until(lambda: not faulty.answering[f"{name}.1"], what="the end of it")


async def test_what_follows_content_waits_until_the_client_has_it(faulty):
    model = "error-event-after-content.1"
    body = json.dumps({"model": model, "messages": [], "stream": True}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(faulty.root_url.rpartition(":")[2]))
    head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    before = await asyncio.wait_for(reader.readuntil(b'"content":"atlas"'), 30)
    assert faulty.answering[model] == 1
    faulty.heard(model)
    after = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 30)
    writer.close()
    assert b"simulated error" not in before
    assert b"simulated error" in after


async def test_every_fault_can_be_asked_for_whole_or_streamed():
    assert all(fault.whole is not None or fault.stream is not None for fault in FAULTS.values())
    assert all("." not in name for name in FAULTS)
