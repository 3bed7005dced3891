"""The pages for machines: alive, ready, metrics."""

from prometheus_client.parser import text_string_to_metric_families

from interlock_testing.behaviour import fail
from interlock_testing.running import declaring, running
from tests.services.interlock_gateway.wire import QUICK


async def test_a_gateway_with_a_snapshot_is_alive_and_ready(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        alive, ready = await loop.http.get("/healthz"), await loop.http.get("/readyz")
        root = await loop.http.head("/")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert (root.status_code, root.content) == (200, b"")


async def test_the_metrics_count_requests_failures_and_failovers(atlas, breeze):
    atlas.behaviour = fail(500)
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=QUICK)) as loop:
        await loop.chat()
        answer = await loop.http.get("/metrics")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert answer.headers["content-type"].startswith("text/plain")
    assert samples["interlock_requests_total", "answered", "chat"] == 1.0
    assert samples["interlock_attempt_failures_total", "atlas/large", "server_error"] == 2.0
    assert samples["interlock_failovers_total", "chat"] == 1.0
    assert samples["interlock_in_flight",] == 0.0
    assert samples["interlock_snapshot_position",] > 0
    assert samples["interlock_records_dropped",] == 0.0
    assert samples["interlock_upstream_connections",] >= 1.0


async def test_pages_are_no_requests_and_leave_no_trace_in_the_counts(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        pages = [(await loop.http.get("/metrics")).text for _ in range(3)]
    assert all("interlock_requests_total{" not in page for page in pages)
