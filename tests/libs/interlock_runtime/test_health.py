"""What a service says of itself over HTTP."""

from collections.abc import Iterable
from typing import Any

from interlock_runtime.health import HealthApp, Metric, labels, metrics_text


class Told:
    """A service that is ready, or is not."""

    def __init__(self, *, ready: bool) -> None:
        self._ready = ready

    def readiness(self) -> tuple[bool, str]:
        return self._ready, "Kafka is away\nso nothing is read"

    def metrics(self) -> Iterable[Metric]:
        return [Metric("interlock_ready", "gauge", "1 while every topic is read", {"": float(self._ready)})]


async def asked(told: Told, path: str, method: str = "GET") -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(part: Any) -> None:
        sent.append(part)

    async def receive() -> Any:
        raise AssertionError

    await HealthApp(told)({"type": "http", "path": path, "method": method}, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_alive_is_not_ready():
    assert await asked(Told(ready=False), "/healthz") == (200, b"ok\n")
    assert await asked(Told(ready=False), "/readyz") == (503, b"Kafka is away\nso nothing is read\n")
    assert (await asked(Told(ready=True), "/readyz"))[0] == 200


async def test_other_paths_and_methods():
    assert (await asked(Told(ready=True), "/else"))[0] == 404
    assert await asked(Told(ready=True), "/metrics", "HEAD") == (200, b"")


async def test_numbers_are_written_whole():
    _, body = await asked(Told(ready=True), "/metrics")
    assert body.splitlines()[-1] == b"interlock_ready 1"
    large = Metric("log_time_ms", "gauge", "Log time", {"": 1_795_000_000_123.0})
    assert metrics_text([large]).endswith("log_time_ms 1795000000123\n")


def test_metrics_are_written_as_prometheus_reads_them():
    one = Metric("alerts_total", "counter", "Alerts", {labels(receiver='a"b\\c', outcome="told"): 3.0})
    assert metrics_text([one]).splitlines() == [
        "# HELP alerts_total Alerts",
        "# TYPE alerts_total counter",
        'alerts_total{receiver="a\\"b\\\\c",outcome="told"} 3',
    ]
