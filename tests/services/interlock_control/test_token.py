"""The admin token: what is open without it, and that nothing else is."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest

from interlock_control.app import PREFIX, build_app
from interlock_control.token import OPEN, unusable_token
from interlock_runtime.listen import is_loopback
from interlock_testing.clock import FakeClock
from tests.services.interlock_control.rig import Serving, listening, serving
from tests.services.stores import Stores

TOKEN = "correct-horse-battery"
WRONG: tuple[dict[str, str | bytes], ...] = (
    {},
    {"authorization": TOKEN},
    {"authorization": "Bearer"},
    {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"},
    {"authorization": f"Basic {TOKEN}"},
    {"authorization": f"Bearer {TOKEN.upper()}"},
    {"authorization": b"Bearer \xe4\xff"},
    {"x-interlock-actor": TOKEN},
)


@pytest.fixture
async def open_one(tmp_path) -> AsyncIterator[Serving]:
    clock = FakeClock()
    async with serving(Stores("memory", tmp_path, clock.wall_ms), clock) as running:
        yield running


@pytest.fixture
async def http(open_one: Serving) -> AsyncIterator[httpx2.AsyncClient]:
    """A second application over the same plane, for those who show the token."""
    async with listening(open_one.plane, TOKEN) as client:
        yield client


def paths(plane) -> list[tuple[str, str]]:
    """Every method and path that the application has, filled with names; also what no document names."""
    app = build_app(plane)
    documented = app.openapi()["paths"]
    named = {(method.upper(), path) for path in documented for method in documented[path]}
    routed = {(method, path) for path, methods in routes_of(app.routes) for method in methods}
    assert named <= routed, "a route was missed"
    return sorted((method, path.replace("{", "").replace("}", "")) for method, path in routed)


def routes_of(routes: Sequence[Any]) -> list[tuple[str, set[str]]]:
    """Paths with their methods; a router that was included tells its routes with its prefix in front."""
    found: list[tuple[str, set[str]]] = []
    for route in routes:
        inside = getattr(route, "effective_route_contexts", None)
        parts = [route] if inside is None else list(inside())
        found += [(re.sub(r":\w+}", "}", part.path), set(part.methods)) for part in parts]
    return found


async def test_every_endpoint_but_the_probes_asks_for_the_token(open_one: Serving, http: httpx2.AsyncClient):
    everything = [*paths(open_one.plane), ("GET", "/nothing/here")]
    assert {("GET", "/openapi.json"), ("GET", "/metrics"), ("DELETE", f"{PREFIX}/dead-letters/id")} < set(
        everything
    )
    for method, path in everything:
        answer = await http.request(method, path)
        if path in OPEN:
            assert answer.status_code == 200, path
            continue
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        if method == "HEAD":
            continue
        assert "INTERLOCK_ADMIN_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize("headers", WRONG)
async def test_anything_but_the_token_is_refused(http: httpx2.AsyncClient, headers):
    answer = await http.get("/admin/v1/targets", headers=headers)
    assert answer.status_code == 401
    assert TOKEN not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_opens_and_its_scheme_is_written_anyhow(http: httpx2.AsyncClient, scheme):
    answer = await http.get("/admin/v1/targets", headers={"authorization": f"{scheme} {TOKEN}"})
    assert answer.status_code == 200


async def test_refusals_are_counted(open_one: Serving, http: httpx2.AsyncClient):
    await http.get("/admin/v1/targets")
    text = (await http.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})).text
    assert 'status="401"' in text


async def test_without_a_token_everything_is_open(open_one: Serving):
    assert (await open_one.http.get("/admin/v1/targets")).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host):
    assert is_loopback(host)
    assert unusable_token(host, None) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "control.example", ""])
def test_what_others_can_reach_needs_one_and_says_what_to_do(host):
    told = unusable_token(host, None)
    assert told is not None
    assert "INTERLOCK_ADMIN_TOKEN" in told
    assert unusable_token(host, TOKEN) is None


@pytest.mark.parametrize("token", ["with space", "ümlaut", "line\nbreak"])
def test_a_token_that_no_header_carries_is_refused_without_being_shown(token):
    told = unusable_token("127.0.0.1", token)
    assert told is not None
    assert token not in told
