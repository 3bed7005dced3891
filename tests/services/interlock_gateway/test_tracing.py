"""What a collector sees of requests: real spans over a real protocol, one tree for each request."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource

from interlock_domain.events import AttemptFailed
from interlock_runtime.telemetry.export import Telemetry, WatchedMetrics, assembled
from interlock_runtime.telemetry.names import V1_36, V1_44, Conventions
from interlock_testing.behaviour import At, cut, fail, healthy, stall
from interlock_testing.collector import Collector, SeenSpan
from interlock_testing.running import GatewayOptions, RunningLoop, declaring, running
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.services.interlock_gateway.races import both, racing
from tests.services.interlock_gateway.wire import connected, newest, request

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
PROMPT = "canary-prompt-5d1f"
LONG_S = 30.0


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as listening:
        yield listening


def telemetry(
    collector: Collector, conventions: Conventions = V1_36, queue: int = 2_048, timeout_s: float = LONG_S
) -> Telemetry:
    """Spans over the real exporter."""
    exporter = OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces", timeout=timeout_s)
    return assembled(Resource({"service.name": "gw"}), conventions, spans=exporter, queue=queue)


@pytest.fixture
async def loop(
    collector: Collector, atlas: SimulatedProvider, breeze: SimulatedProvider
) -> AsyncIterator[RunningLoop]:
    """Two targets, and a gateway that exports."""
    config = declaring({"atlas": atlas.url, "breeze": breeze.url})
    async with running(config, options=GatewayOptions(telemetry=telemetry(collector))) as one:
        yield one


async def the_request(loop: RunningLoop, collector: Collector) -> SeenSpan:
    """The one request's span, once everything has left."""
    await until(lambda: not loop.gateway.service.gateway.exchanges, timeout_s=LONG_S, what="its end")
    await all_sent(loop)
    (span,) = collector.named("POST")
    return span


async def all_sent(loop: RunningLoop) -> None:
    """Every span that has ended is there; the gateway's own end gives up after two seconds."""
    traces = loop.gateway.service.gateway.traces
    assert traces is not None
    tracer: Any = traces.tracer
    await asyncio.to_thread(tracer.span_processor.force_flush)


async def test_a_whole_answer_is_a_server_span_with_one_client_child(loop, collector):
    answer = await loop.chat()
    span = await the_request(loop, collector)
    assert (span.service, span.name, span.kind) == ("gw", "POST /v1/chat/completions", "server")
    assert (span.parent, span.failed) == ("", False)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "url.path": "/v1/chat/completions",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "chat",
        "router.request.id": answer.headers["x-request-id"],
        "router.pool": "chat",
        "router.snapshot": answer.headers["x-interlock-snapshot"],
        "router.result": "answered",
        "router.attempts": 1,
        "router.fallback": False,
        "router.target": "atlas/large",
    }
    (attempt,) = collector.children(span)
    assert (attempt.name, attempt.kind, attempt.failed) == ("chat large", "client", False)
    usage = answer.json()["usage"]
    assert attempt.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "atlas",
        "gen_ai.request.model": "large",
        "gen_ai.usage.input_tokens": usage["prompt_tokens"],
        "gen_ai.usage.output_tokens": usage["completion_tokens"],
        "server.address": "127.0.0.1",
        "server.port": loop.gateway.service.gateway.calls.of(
            _target(loop, "atlas/large"), b"/chat/completions"
        ).origin.port,
        "router.target": "atlas/large",
        "router.attempt.number": 1,
        "router.attempt.outcome": "succeeded",
    }
    assert span.started_ns <= attempt.started_ns <= attempt.ended_ns <= span.ended_ns


async def test_a_failover_is_two_children_and_the_fact_names_the_failed_one(loop, collector, atlas):
    atlas.behaviour = fail(429)
    answer = await loop.chat()
    await loop.gateway.service.gateway.outcomes.flush()
    recorded = [
        one for one in await loop.log.read(after=0, limit=1_000) if isinstance(one.event, AttemptFailed)
    ]
    span = await the_request(loop, collector)
    assert answer.status_code == 200
    first, second = collector.children(span)
    assert (first.failed, second.failed, span.failed) == (True, False, False)
    assert (first.attributes["error.type"], first.attributes["http.response.status_code"]) == (
        "rate_limit",
        429,
    )
    assert first.attributes["router.attempt.phase"] == "headers"
    assert [one.attributes["router.target"] for one in (first, second)] == ["atlas/large", "breeze/large"]
    assert (span.attributes["router.fallback"], span.attributes["router.attempts"]) == (True, 2)
    assert [one.traceparent for one in recorded] == [f"00-{first.trace}-{first.id}-01"]


async def test_a_race_is_two_children_beside_each_other_and_no_fallback(collector, atlas, breeze):
    atlas.behaviour = stall(At.PREAMBLE)
    config = both(atlas, breeze, racing())
    async with running(config, options=GatewayOptions(telemetry=telemetry(collector))) as loop:
        await loop.chat(stream=True)
        record = await newest(loop)
        span = await the_request(loop, collector)
    won, beaten = sorted(
        collector.children(span), key=lambda one: one.attributes["router.attempt.outcome"] == "lost"
    )
    assert (won.failed, beaten.failed, span.failed) == (False, False, False)
    assert (won.attributes["router.attempt.hedge"], "router.attempt.hedge" in beaten.attributes) == (
        True,
        False,
    )
    assert (won.attributes["router.attempt.number"], beaten.attributes["router.attempt.number"]) == (2, 1)
    assert beaten.started_ns < won.started_ns <= beaten.ended_ns <= won.ended_ns
    assert (span.attributes["router.fallback"], span.attributes["router.target"]) == (False, "breeze/large")
    assert all(attempt.headers == ("accept-encoding", "traceparent") for attempt in record.attempts)
    assert breeze.requests[0].headers["traceparent"].split("-")[2] == won.id


async def test_when_all_fail_the_request_is_an_error_with_its_reason(loop, collector, atlas, breeze):
    atlas.behaviour = breeze.behaviour = fail(500)
    answer = await loop.chat()
    span = await the_request(loop, collector)
    assert (answer.status_code, span.attributes["http.response.status_code"], span.failed) == (502, 502, True)
    assert (span.attributes["error.type"], span.attributes["router.result"]) == (
        "attempts_failed",
        "exhausted",
    )
    tried = collector.children(span)
    assert all(one.failed for one in tried)
    assert {one.attributes["router.target"] for one in tried} == {"atlas/large", "breeze/large"}


async def test_what_the_client_got_wrong_is_no_error_of_the_server(loop, collector):
    answer = await loop.chat("no-such-model")
    span = await the_request(loop, collector)
    assert (answer.status_code, span.attributes["http.response.status_code"], span.failed) == (
        404,
        404,
        False,
    )
    assert collector.children(span) == []


async def test_a_stream_is_one_child_until_its_last_piece(loop, collector, atlas):
    atlas.behaviour = healthy(interval_ms=20, chunks=10)
    answer = await loop.chat(stream=True)
    span = await the_request(loop, collector)
    assert answer.status_code == 200
    (attempt,) = collector.children(span)
    assert attempt.attributes["router.attempt.outcome"] == "succeeded"
    assert attempt.ended_ns - attempt.started_ns >= 100_000_000


async def test_a_stream_that_breaks_is_an_error_though_its_head_said_200(loop, collector, atlas):
    atlas.behaviour = cut(At.CONTENT)
    async with connected(loop.gateway.port) as client:
        await client.send(request(stream=True))
        await client.rest()
    span = await the_request(loop, collector)
    assert (span.attributes["http.response.status_code"], span.failed) == (200, True)
    assert span.attributes["error.type"] == "truncated"
    (attempt,) = collector.children(span)
    assert (attempt.failed, attempt.attributes["router.attempt.phase"]) == (True, "content")


async def test_a_client_that_leaves_ends_both_spans_without_an_error(loop, collector, atlas):
    atlas.behaviour = stall(At.HEADERS)
    async with connected(loop.gateway.port) as client:
        await client.send(request())
        await until(lambda: atlas.open == 1, timeout_s=LONG_S, what="the upstream call")
    span = await the_request(loop, collector)
    assert (span.attributes["router.result"], span.failed) == ("client_abort", False)
    assert "http.response.status_code" not in span.attributes
    (attempt,) = collector.children(span)
    assert (attempt.attributes["router.attempt.outcome"], attempt.failed) == ("aborted", False)


async def test_the_callers_trace_goes_on_and_the_upstream_hears_of_its_attempt(loop, collector, atlas):
    await asked(loop, traceparent=CALLER, tracestate="vendor=1")
    span = await the_request(loop, collector)
    assert (span.trace, span.parent, span.state) == (TRACE, "b7ad6b7169203331", "vendor=1")
    (attempt,) = collector.children(span)
    heard = atlas.requests[0].headers
    assert (heard["traceparent"], heard["tracestate"]) == (f"00-{TRACE}-{attempt.id}-01", "vendor=1")


@pytest.mark.parametrize(
    "bad", ["", "00-0-0-01", f"ff-{TRACE}-b7ad6b7169203331-01", "\xff" * 55, "x" * 9_000]
)
async def test_a_header_that_is_none_begins_a_trace_of_our_own(loop, collector, atlas, bad):
    await asked(loop, traceparent=bad, tracestate="vendor=1")
    span = await the_request(loop, collector)
    assert (span.parent, span.state) == ("", "")
    (attempt,) = collector.children(span)
    heard = atlas.requests[0].headers
    assert heard["traceparent"] == f"00-{span.trace}-{attempt.id}-01"
    assert "tracestate" not in heard


async def test_a_trace_that_its_caller_does_not_keep_is_passed_on_and_not_exported(loop, collector, atlas):
    atlas.behaviour = fail(429)
    await asked(loop, traceparent=CALLER[:-1] + "0")
    await loop.gateway.service.gateway.outcomes.flush()
    recorded = await loop.log.read(after=0, limit=1_000)
    await all_sent(loop)
    assert collector.spans == []
    heard = atlas.requests[0].headers["traceparent"]
    assert heard.startswith(f"00-{TRACE}-")
    assert heard.endswith("-00")
    assert {one.traceparent for one in recorded} == {None}


async def test_the_newest_conventions_are_spoken_when_they_are_asked_for(collector, atlas):
    options = GatewayOptions(telemetry=telemetry(collector, V1_44))
    async with running(declaring({"atlas": atlas.url}), options=options) as loop:
        await loop.chat(stream=True)
        span = await the_request(loop, collector)
    (attempt,) = collector.children(span)
    assert collector.schemas == {"https://opentelemetry.io/schemas/1.44.0"}
    assert attempt.attributes["gen_ai.provider.name"] == "atlas"
    assert attempt.attributes["gen_ai.request.stream"] is True
    assert attempt.attributes["gen_ai.response.time_to_first_chunk"] >= 0
    assert "gen_ai.system" not in attempt.attributes


async def test_neither_prompt_nor_credential_leaves(collector, atlas, breeze):
    atlas.behaviour = fail(400)
    config = declaring({"atlas": atlas.url}).replace("api_key: none", "api_key: env:ATLAS_KEY")
    options = GatewayOptions(telemetry=telemetry(collector), secrets={"ATLAS_KEY": "canary-key-77"})
    async with running(config, options=options) as loop:
        await asked(loop, authorization="Bearer canary-client-31")
        await the_request(loop, collector)
    assert collector.bodies
    assert not any(b"canary" in body for body in collector.bodies)


async def test_a_collector_that_is_away_costs_no_request_and_its_spans_are_counted(atlas, caplog):
    with Collector() as gone:
        exports = telemetry(gone, queue=16, timeout_s=5)
    options = GatewayOptions(telemetry=exports)
    async with running(declaring({"atlas": atlas.url}), options=options) as loop:
        answers = [await loop.chat() for _ in range(20)]
        page = await loop.gateway.http.get("/metrics")
    assert [one.status_code for one in answers] == [200] * 20
    assert exports.dropped >= 40 - 16 - 16, "two spans a request, one batch waits, another is under way"
    assert "interlock_spans_dropped" in page.text
    await until(lambda: not batch_threads(), timeout_s=LONG_S, what="the end of its thread")


async def test_a_collector_that_refuses_is_said_once(collector, atlas, caplog):
    collector.refuses = True
    exports = telemetry(collector, timeout_s=2)
    async with running(declaring({"atlas": atlas.url}), options=GatewayOptions(telemetry=exports)) as loop:
        await loop.chat()
    await until(lambda: exports.dropped == 2, timeout_s=LONG_S, what="the refusal")

    def lines() -> list[str]:
        return [one.message for one in caplog.records if "collector" in one.message]

    (said,) = await until(lines, timeout_s=LONG_S, what="its thread to say so")
    assert said.startswith(
        "spans do not reach their collector: they are dropped; check the collector and the OTEL_"
    )


async def test_durations_and_tokens_leave_as_histograms_with_bounded_labels(collector, atlas):
    metrics = WatchedMetrics(endpoint=f"{collector.url}/v1/metrics", timeout=LONG_S)
    exports = assembled(Resource({}), V1_44, spans=None, metrics=metrics)
    config = declaring({"atlas": atlas.url})
    async with running(config, options=GatewayOptions(telemetry=exports)) as loop:
        await loop.chat(stream=True)
        await loop.chat("atlas/invented-by-a-client")
        await asked(loop, traceparent=CALLER)
        await until(lambda: not loop.gateway.service.gateway.exchanges, timeout_s=LONG_S, what="their end")
        await exports.close()
        await until(lambda: collector.histograms, timeout_s=LONG_S, what="them to arrive")
    assert atlas.requests[-1].headers["traceparent"] == CALLER, "no span of ours, so the caller's goes on"
    found: dict[str, list[Any]] = {}
    for one in collector.histograms:
        found.setdefault(one.name, []).append(one)
    assert set(found) == {
        "gen_ai.server.request.duration",
        "gen_ai.server.time_to_first_token",
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    }
    assert {
        one.attributes["gen_ai.request.model"]: one.count for one in found["gen_ai.server.request.duration"]
    } == {
        "chat": 2,
        "other": 1,
    }
    clients = {one.attributes["gen_ai.request.model"] for one in found["gen_ai.client.operation.duration"]}
    assert clients == {"large", "other"}
    assert found["gen_ai.server.request.duration"][0].bounds[:3] == (0.01, 0.02, 0.04)
    assert {one.attributes["gen_ai.token.type"] for one in found["gen_ai.client.token.usage"]} == {
        "input",
        "output",
    }


def batch_threads() -> list[str]:
    """Threads of exporters that have not ended."""
    return [one.name for one in threading.enumerate() if one.name.startswith("Otel")]


async def asked(loop: RunningLoop, **headers: str) -> None:
    """One answered request with these headers."""
    async with connected(loop.gateway.port) as client:
        await client.send(request(headers=headers, messages=[{"role": "user", "content": PROMPT}]))
        await client.answer()


def _target(loop: RunningLoop, name: str) -> Any:
    held = loop.gateway.service.gateway.follow.held
    assert held is not None
    return held.snapshot.targets[name]
