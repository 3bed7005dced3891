"""A trace through the whole circle: request, attempts, the fact in Kafka, and the batch that folded it."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from interlock_runtime.kafka.reader import TopicReader
from interlock_testing.behaviour import fail
from interlock_testing.collector import Collector
from interlock_testing.running import declaring
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import free_port, until
from tests.drills.rig.cell import Cell

LONG_S = 60.0
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def traced_headers(cell: Cell) -> list[str]:
    """The `traceparent` headers of the events topic, in order."""
    reader = TopicReader(cell.connection, cell.topics.events)
    try:
        end = await reader.end()
        found: list[str] = []
        while reader.position() < end:
            for record in await reader.fetch(1_000, 1.0):
                found += [value.decode() for name, value in record.headers if name == "traceparent"]
        return found
    finally:
        await reader.close()


@pytest.mark.timeout(300)
async def test_a_failed_attempt_is_a_child_of_its_request_and_a_link_of_the_batch_that_folded_it(
    tmp_path: Path, kafka: Any, topics: Any, database_url: str
):
    cell = Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=database_url)
    config = tmp_path / "interlock.yaml"
    async with AsyncExitStack() as stack:
        collector = stack.enter_context(Collector())
        exports: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }
        atlas = await stack.enter_async_context(SimulatedProvider("atlas", fail(429)))
        breeze = await stack.enter_async_context(SimulatedProvider("breeze"))
        config.write_text(declaring({"atlas": atlas.url, "breeze": breeze.url}))
        await stack.enter_async_context(cell.control("control", "--config", str(config)))
        await stack.enter_async_context(cell.process("projector", "projector", port=free_port(), **exports))
        gateway = await stack.enter_async_context(cell.gateway("gw-1", **exports))
        await gateway.ready()

        answer = await gateway.http.post(
            "/v1/chat/completions",
            json={"model": "chat", "messages": [{"role": "user", "content": "hello"}]},
            headers={"traceparent": CALLER},
        )
        assert (answer.status_code, answer.headers["x-interlock-attempts"]) == (200, "2")
        await until(lambda: collector.named("process"), timeout_s=LONG_S, what="the projector's span")
        await until(lambda: collector.named("POST"), timeout_s=LONG_S, what="the gateway's span")
        await until(lambda: collector.histograms, timeout_s=LONG_S, what="the gateway's histograms")
        headers = await traced_headers(cell)

    (request,) = collector.named("POST")
    failed, answered = collector.children(request)
    assert (request.service, request.trace, request.parent) == ("interlock-gateway", *CALLER.split("-")[1:3])
    assert (failed.failed, answered.failed) == (True, False)
    assert headers[0] == f"00-{failed.trace}-{failed.id}-01"
    batch = collector.named("process")[0]
    assert (batch.service, batch.kind, batch.parent) == ("interlock-projector", "consumer", "")
    assert (failed.trace, failed.id) in batch.links
    assert batch.attributes["messaging.batch.message_count"] >= 1
    assert batch.attributes["router.log.position"] > 0
    assert not batch.failed
