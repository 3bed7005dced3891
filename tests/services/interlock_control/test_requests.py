"""Requests over HTTP: lists, one explained with its proof, and what happens when the log says otherwise."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_domain.attempt.record import AttemptRecord, RequestRecord
from interlock_domain.routing.decision import ENGINE, Decision, RouteInputs, Traits
from interlock_domain.routing.route import route
from interlock_domain.words import FailureClass, Outcome, Phase, Result
from interlock_records.adapters.memory import MemoryRequestRecords
from interlock_testing.waiting import until
from tests.services.facts import Worker
from tests.services.interlock_control.rig import Serving, serving
from tests.services.stores import Stores


async def recorded(serving: Serving, request_id: str = "7f3a9c01", **changes: Any) -> RequestRecord:
    """A request as a gateway would have decided and recorded it on the state of this moment."""
    scene = serving.plane.now.scene()
    assert scene.snapshot is not None
    inputs = RouteInputs(model="chat", traits=Traits(), as_of_ms=scene.as_of_ms, seed=91, gateway="gw-1")
    decision = route(scene.snapshot, inputs)
    assert isinstance(decision, Decision)
    failed = AttemptRecord(
        number=1,
        target="atlas/large",
        outcome=Outcome.FAILED,
        started_ms=0,
        ended_ms=120,
        failure=FailureClass.DISCONNECT,
        phase=Phase.HEADERS,
    )
    won = AttemptRecord(
        number=2,
        target="breeze/org/large",
        outcome=Outcome.SUCCEEDED,
        started_ms=122,
        ended_ms=412,
        ttft_ms=90,
    )
    record = RequestRecord(
        request_id=request_id,
        gateway="gw-1",
        boot="b",
        seq=1,
        started_ms=serving.clock.wall_ms(),
        duration_ms=412,
        pool="chat",
        inputs=inputs,
        snapshot=scene.version,
        engine=ENGINE,
        decision=decision,
        attempts=(failed, won),
        result=Result.ANSWERED,
        status=200,
    )
    record = replace(record, **changes)
    await serving.stores.records.put([record])
    return record


async def test_a_request_is_explained_with_a_proof_that_the_log_gives_its_decision(each):
    await each.declare()
    worker = Worker()
    await each.tell(worker, worker.report(), *(worker.failed() for _ in range(3)))
    record = await recorded(each)
    await each.wrote("PUT", "/targets/breeze/org/large/state", {"state": "disabled"})
    found = await each.get("/requests/7f3a9c")
    assert found["proof"] == {
        "recomputed_equal": True,
        "verdict": "equal",
        "engine": ENGINE,
        "recomputed": None,
    }
    assert (found["request_id"], found["snapshot"], found["result"]) == (
        record.request_id,
        record.snapshot,
        "answered",
    )
    first, second = found["decision"]["candidates"]
    assert (first["target"], first["rank"], first["eligible"]) == ("breeze/org/large", 1, True)
    assert (second["target"], second["reasons"][0], second["eligible"]) == (
        "atlas/large",
        "cooldown_heuristic",
        False,
    )
    assert found["decision"]["seed"] == 91
    assert [(a["target"], a["outcome"], a["class"]) for a in found["attempts"]] == [
        ("atlas/large", "failed", "disconnect"),
        ("breeze/org/large", "succeeded", None),
    ]


async def test_a_race_is_told_with_what_each_attempt_changed_and_the_proof_holds(each):
    await each.declare()
    beaten = AttemptRecord(
        number=1,
        target="atlas/large",
        outcome=Outcome.LOST,
        started_ms=0,
        ended_ms=300,
        headers=("accept-encoding", "authorization"),
    )
    won = AttemptRecord(
        number=2,
        target="breeze/org/large",
        outcome=Outcome.SUCCEEDED,
        started_ms=200,
        ended_ms=412,
        redirect="large-v2",
        hedge=True,
    )
    await recorded(each, attempts=(beaten, won), ttfc_ms=300)
    found = await each.get("/requests/7f3a9c")
    listed = (await each.get("/requests"))["requests"][0]
    first, second = found["attempts"]
    assert (first["outcome"], first["hedge"], first["redirect"]) == ("lost", False, None)
    assert first["headers"] == ["accept-encoding", "authorization"]
    assert (second["outcome"], second["hedge"], second["redirect"]) == ("succeeded", True, "large-v2")
    assert second["headers"] == []
    assert (
        found["answer"] == "answered by breeze/org/large in a race with atlas/large, 300 ms to first content"
    )
    assert (found["target"], found["failovers"]) == ("breeze/org/large", 0)
    assert (listed["target"], listed["failovers"], listed["attempts"]) == ("breeze/org/large", 0, 2)
    assert found["proof"]["verdict"] == "equal"


async def test_a_decision_that_the_log_does_not_give_differs_and_shows_what_it_gives(each):
    await each.declare()
    record = await recorded(each)
    assert record.decision is not None
    forged = replace(record.decision, candidates=record.decision.candidates[::-1])
    await recorded(each, "forged-1", decision=forged)
    found = await each.get("/requests/forged-1")
    assert (found["proof"]["verdict"], found["proof"]["recomputed_equal"]) == ("differs", False)
    assert [c["target"] for c in found["proof"]["recomputed"]["candidates"]] == [
        "atlas/large",
        "breeze/org/large",
    ]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"engine": "0"}, "engine_changed"),
        ({"snapshot": "g1:999"}, "inputs_expired"),
        ({"snapshot": ""}, "inputs_expired"),
    ],
)
async def test_what_cannot_be_recomputed_is_said_to_be_so(one, changes, verdict):
    await one.declare()
    await recorded(one, **changes)
    found = await one.get("/requests/7f3a9c01")
    assert (found["proof"]["verdict"], found["proof"]["recomputed_equal"]) == (verdict, None)


class CountedRecords(MemoryRequestRecords):
    """Counts how often somebody looked."""

    count = 0

    async def get(self, request_id: str) -> RequestRecord | None:
        self.count += 1
        return await super().get(request_id)


async def test_a_fresh_request_is_waited_for(tmp_path, clock):
    stores = Stores("memory", tmp_path, clock.wall_ms)
    stores.records = looked = CountedRecords()
    async with serving(stores, clock) as one:
        await it_arrives_late(one, looked)


async def it_arrives_late(one: Serving, looked: CountedRecords) -> None:
    await one.declare()
    asked = asyncio.create_task(one.get("/requests/7f3a9c01"))
    await until(lambda: looked.count, timeout_s=30, what="the first look at the records")
    await recorded(one)
    assert (await asked)["request_id"] == "7f3a9c01"


async def test_a_request_that_never_comes_is_not_found(one):
    answer = await one.http.get("/admin/v1/requests/nowhere-1")
    assert answer.status_code == 404
    assert "retention.requests" in answer.json()["detail"]


async def test_requests_are_listed_newest_first_filtered_and_paged(one, clock):
    await one.declare()
    for number in range(5):
        clock.advance(1)
        await recorded(one, f"request-{number}", result=Result.ANSWERED if number % 2 else Result.EXHAUSTED)
    first = await one.get("/requests", limit=2)
    assert [r["request_id"] for r in first["requests"]] == ["request-4", "request-3"]
    second = await one.get("/requests", limit=3, before=first["next"])
    assert [r["request_id"] for r in second["requests"]] == ["request-2", "request-1", "request-0"]
    answered = await one.get("/requests", result="answered", target="breeze/org/large", pool="chat")
    assert [r["request_id"] for r in answered["requests"]] == ["request-3", "request-1"]
    recent = await one.get("/requests", **{"from": "-1s"})
    assert [r["request_id"] for r in recent["requests"]] == ["request-4", "request-3"]
    bad = await one.http.get("/admin/v1/requests?before=%25")
    assert (bad.status_code, bad.json()["type"]) == (400, "urn:interlock:problem:bad_cursor")
