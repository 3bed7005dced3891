"""The comparison with other gateways: what is counted, what is held against a mark, what is shown."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from benchmarks.load import Load, wrk
from benchmarks.nginx import nginx_mock, nginx_proxy
from benchmarks.page import page
from benchmarks.peers.__main__ import judged
from benchmarks.peers.compared import Asked, Gateway
from benchmarks.peers.failover import failovers
from benchmarks.peers.measure import KINDS, UNARY, figures, share, times
from benchmarks.peers.upstreams import BrokenProvider
from interlock_testing.waiting import free_port, until


def load(cpu_us: float, *, failed: int = 0, p50_ms: float = 1.0) -> Load:
    return Load(requests=100, cpu_us=cpu_us, failed=failed, p50_ms=p50_ms)


def gateway(name: str, *cpu_us: float, nginx: float = 10.0, failed: int = 0) -> Gateway:
    """Measured in as many rounds as there are figures."""
    one = Gateway(name, "1", os.getpid(), 1, lambda kind: Asked(f"http://unused/{kind}"))
    for kind in KINDS:
        one.loads[kind.name] = [load(each, failed=failed) for each in cpu_us]
        one.beside[kind.name] = [load(nginx) for _ in cpu_us]
    return one


def seen(ours: Gateway, *others: Gateway) -> dict[str, Any]:
    floor = gateway("nginx", *(10.0 for _ in ours.loads["unary"]))
    measured = figures(floor, [ours, *others], [load(0, p50_ms=0.4)]) | {"not_measured": []}
    return measured | judged([ours, *others], measured)


def test_a_ratio_is_taken_within_a_round_and_shown_with_its_spread() -> None:
    slow = gateway("Interlock", 20.0, 90.0, 40.0)
    slow.beside["unary"] = [load(10.0), load(30.0), load(20.0)]
    assert times(slow, UNARY) == {"median": 2.0, "least": 2.0, "most": 3.0}


def test_a_part_of_another_gateway_is_taken_as_multiples_of_nginx() -> None:
    ours, other = gateway("Interlock", 20.0), gateway("Portkey", 300.0, nginx=30.0)
    assert share(ours, other, UNARY) == pytest.approx(0.2)


def test_within_all_marks_the_run_is_good() -> None:
    found = seen(gateway("Interlock", 22.0), gateway("Portkey", 200.0), gateway("LiteLLM", 2_000.0))
    assert found["verdict"] == "ok"
    assert found["added_p50_ms"]["Interlock"] == 0.6


@pytest.mark.parametrize("cpu_us", [23.5, 110.0])
def test_above_one_mark_it_is_missed(cpu_us: float) -> None:
    assert seen(gateway("Interlock", cpu_us))["verdict"] == "missed"


def test_a_fifth_of_portkey_is_a_mark_of_its_own() -> None:
    found = seen(gateway("Interlock", 22.0), gateway("Portkey", 100.0))
    assert found["verdict"] == "missed"
    assert [n for n, one in found["marks"].items() if one["seen"] > one["at most"]] == [
        "unary, 32 connections: part of Portkey"
    ]


def test_figures_over_failed_requests_prove_nothing() -> None:
    assert seen(gateway("Interlock", 22.0, failed=1))["verdict"] == "missed"


def test_a_report_becomes_a_page() -> None:
    measured = seen(gateway("Interlock", 22.0)) | {"rounds": 1, "commit": "abc", "cores": 2}
    measured["failover"] = {"Interlock": {"requests": 9, "attempts": 4, "errors": 0}}
    told = page(peers=measured, against_pass=None)
    assert "| Interlock | 2.2 (2.2 to 2.2) |" in told
    assert "| Interlock | 9 | 4 | 0 |" in told
    assert "Not run yet: `make bench`." in told
    assert "Not run yet: `make bench-peers`." in page(peers=None, against_pass=None)


async def test_attempts_at_the_broken_target_and_errors_are_counted() -> None:
    async with BrokenProvider() as broken:
        way = {"straight at it": Asked(f"http://127.0.0.1:{broken.port}/v1/chat/completions")}
        one = gateway("Interlock", 22.0)
        one.failover.update(way)
        found = await failovers([one], broken, 7)
    assert found == {
        "straight at it": {
            "requests": 7, "attempts at the broken one": 7, "errors that the client saw": 7,
        }
    }  # fmt: skip


@pytest.fixture
def proxied() -> Iterator[tuple[int, int]]:
    """An nginx in front of another one: its port and its process."""
    if shutil.which("nginx") is None or shutil.which("wrk") is None:
        pytest.skip("needs nginx and wrk")
    mock = nginx_mock(free_port())
    proxy = nginx_proxy(free_port(), {"unary": (mock.port, "v1"), "whole": (mock.port, "whole")})
    yield proxy.port, proxy.pid
    proxy.stop()
    mock.stop()


@pytest.mark.nginx
async def test_the_proxy_leads_each_kind_to_its_mock_and_its_time_is_charged(
    proxied: tuple[int, int],
) -> None:
    port, pid = proxied
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        await until(lambda: _answers(http), timeout_s=30.0, what="nginx to listen")
        whole = await http.post("/whole/chat/completions", json={"stream": True})
    assert whole.headers["content-type"] == "text/event-stream"
    assert whole.text.endswith("data: [DONE]\n\n")
    found = wrk(
        f"http://127.0.0.1:{port}/unary/chat/completions",
        pid,
        model="m",
        stream=False,
        connections=2,
        seconds=3,
    )
    assert found.requests > 100
    assert found.failed == 0
    assert found.cpu_us > 0
    refused = wrk(f"http://127.0.0.1:{port}/nothing", pid, model="m", stream=False, connections=2, seconds=3)
    assert refused.failed == refused.requests > 100


async def _answers(http: httpx2.AsyncClient) -> bool:
    try:
        return (await http.post("/unary/chat/completions", json={})).status_code == 200
    except httpx2.TransportError:
        return False
