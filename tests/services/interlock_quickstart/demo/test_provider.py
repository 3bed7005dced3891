"""The demo's providers over real connections: every mood, and a configuration that reads like a file."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from interlock_domain.catalog.config import Config, parse_config
from interlock_quickstart.demo.catalog import PROVIDERS, demo_config, known_ports
from interlock_quickstart.demo.provider import DemoProvider
from interlock_quickstart.demo.schedule import ATLAS, CYCLE_S, Mood, mood_of
from interlock_quickstart.listen import PortRefused, listen, port_of
from interlock_testing.running import running
from interlock_upstream.client import HttpClient
from interlock_upstream.errors import UpstreamFailed
from interlock_upstream.origin import Origin
from interlock_upstream.port import UpstreamResponse
from interlock_upstream.request import PhaseLimits, UpstreamRequest, build_head


class Asked:
    """A provider in one mood, and a client of it."""

    def __init__(self, port: int) -> None:
        self.client = HttpClient()
        self._origin, _ = Origin.parse(f"http://127.0.0.1:{port}")

    async def ask(self, *, stream: bool) -> tuple[UpstreamResponse, bytes]:
        body = json.dumps({"model": "large", "messages": [], "stream": stream}).encode()
        head = build_head(b"POST", b"/v1/chat/completions", self._origin.authority, content_length=len(body))
        limits = PhaseLimits(connect_s=5, headers_s=5)
        response = await self.client.send(UpstreamRequest(self._origin, head, body), limits)
        try:
            return response, await response.read(1_000_000, 5)
        finally:
            response.release()


@asynccontextmanager
async def provider(mood: Mood) -> AsyncIterator[Asked]:
    listening = listen(0, option="")
    assert not isinstance(listening, PortRefused)
    simulated = DemoProvider("atlas", lambda: mood)
    await simulated.start(listening)
    asked = Asked(port_of(listening))
    try:
        yield asked
    finally:
        await asked.client.close()
        await simulated.stop()
        listening.close()
        await asyncio.sleep(0)


async def test_given_a_healthy_provider_then_whole_answers_and_streams_are_complete() -> None:
    async with provider(Mood.HEALTHY) as asked:
        response, body = await asked.ask(stream=False)
        assert (response.status, json.loads(body)["usage"]["completion_tokens"]) == (200, 14)
        response, body = await asked.ask(stream=True)
    events = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
    assert events[-1] == b"[DONE]"
    text = "".join(
        choice["delta"].get("content", "") for event in events[:-1] for choice in json.loads(event)["choices"]
    )
    assert text.startswith("This answer comes from large at the simulated provider atlas")


@pytest.mark.parametrize(("mood", "status"), [(Mood.ERRORS, 500), (Mood.LIMITED, 429)])
async def test_given_trouble_then_answers_are_errors_in_the_vendors_form(mood: Mood, status: int) -> None:
    async with provider(mood) as asked:
        for stream in (False, True):
            response, body = await asked.ask(stream=stream)
            assert response.status == status
            assert json.loads(body)["error"]["message"]
            assert (response.header(b"retry-after") is not None) == (mood is Mood.LIMITED)


async def test_given_cuts_then_streams_break_off_and_whole_answers_do_not() -> None:
    async with provider(Mood.CUT) as asked:
        assert (await asked.ask(stream=False))[0].status == 200
        with pytest.raises(UpstreamFailed):
            await asked.ask(stream=True)


async def test_given_a_request_that_is_no_json_then_the_connection_goes_on() -> None:
    async with provider(Mood.HEALTHY) as asked:
        head = build_head(b"POST", b"/v1/chat/completions", b"x", content_length=2)
        origin = asked._origin
        limits = PhaseLimits(connect_s=5, headers_s=5)
        response = await asked.client.send(UpstreamRequest(origin, head, b"{{"), limits)
        assert response.status == 200
        response.release()


PATHS = {
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {"max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]},
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/embeddings": {"input": "hi"},
}


@pytest.mark.parametrize(("path", "fields"), PATHS.items(), ids=PATHS)
async def test_given_the_demos_configuration_then_every_api_has_an_answer(path: str, fields: Any) -> None:
    listening = listen(0, option="")
    assert not isinstance(listening, PortRefused)
    simulated = DemoProvider("atlas", lambda: Mood.HEALTHY)
    await simulated.start(listening)
    config = demo_config([port_of(listening)] * 3)
    async with running(json.dumps(config)) as loop:
        answer = await loop.http.post(path, json={"model": "chat", **fields})
    await simulated.stop()
    assert answer.status_code == 200
    assert answer.headers["x-interlock-target"] == "atlas/large"
    spoken = "simulated provider atlas" in answer.text
    assert spoken is (path not in {"/v1/messages/count_tokens", "/v1/embeddings"})


def test_the_first_trouble_comes_within_three_seconds_and_leaves_room_for_the_return() -> None:
    begin, end, mood = ATLAS[0]
    assert begin <= 3.0
    assert mood is Mood.ERRORS
    assert end < begin + 3.0  # over before the first cooldown is
    assert ATLAS[1][0] - end >= 3.0 + 1.0 + 3.0  # cooldown, probe and ramp


def test_troubles_come_again_each_cycle_and_only_at_atlas() -> None:
    for begin, _, mood in ATLAS:
        assert mood_of("atlas", begin) is mood_of("atlas", begin + CYCLE_S) is mood
    assert {mood_of(name, at / 10) for name in PROVIDERS[1:] for at in range(400)} == {Mood.HEALTHY}


def test_the_demo_reads_like_a_file_and_its_ports_are_found_again() -> None:
    config = parse_config(demo_config([7001, 7002, 7003]))
    assert isinstance(config, Config)
    assert known_ports(config.providers) == {"atlas": 7001, "breeze": 7002, "cirrus": 7003}
    half_open = config.policy.target.half_open
    assert (config.policy.target.cooldown.initial_ms, half_open.probe_interval_ms) == (3_000, 1_000)
