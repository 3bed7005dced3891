"""What people read, over HTTP: now, then, what differs, what was recorded, and whether all is well."""

from typing import Any

import pytest

from interlock_testing.waiting import until
from tests.services.facts import Worker


async def test_a_read_waits_for_the_position_it_asks_for_and_gives_up_in_time(one):
    await one.declare()
    await one.projector.stop()
    position = await one.stores.log.publish("gateway/gw-1", [Worker().report()])
    answer = await one.http.get(f"/admin/v1/targets?min_position=j{position}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["position"] < position
    bad = await one.http.get("/admin/v1/targets?min_position=soon")
    assert bad.status_code == 422


async def test_a_failing_target_shows_its_strikes_then_its_cooldown(each):
    await each.declare()
    worker = Worker()
    await each.tell(worker, worker.report(), worker.failed())
    assert (await each.target("atlas/large"))["shapes"]["text"]["strikes"] == 1
    at = await each.tell(worker, worker.failed(), worker.failed())
    seen = await each.target("atlas/large")
    assert (seen["state"], seen["reasons"]) == ("soft_excluded", ["cooldown_heuristic"])
    assert seen["shapes"]["text"]["cause"] <= at


@pytest.mark.parametrize("resource", ["targets", "pools", "providers", "gateways"])
async def test_a_place_in_the_past_shows_what_was_seen_then(each, clock, resource):
    await each.declare()
    worker = Worker()
    at = await each.tell(worker, worker.report(), worker.failed(), worker.failed(), worker.failed())
    head = await each.stores.log.head()
    then = await each.get(f"/{resource}", min_position=at)
    clock.advance(120)
    await each.wrote("PUT", "/targets/breeze/org/large/state", {"state": "disabled"})
    await each.wrote("PUT", "/providers/breeze/state", {"state": "disabled"})
    await each.tell(Worker("gw-2"), Worker("gw-2").report())
    answer = await each.http.get(f"/admin/v1/{resource}?at={head}")
    assert answer.headers["x-interlock-position"] == str(head)
    assert still(answer.json()) == still(then)
    assert still(await each.get(f"/{resource}")) != still(then)


def still(shown: Any) -> Any:
    """Without what merely counts."""
    counting = {"remaining_s", "reported_s_ago", "recheck_in_s"}
    if isinstance(shown, dict):
        return {key: still(value) for key, value in shown.items() if key not in counting}
    return [still(value) for value in shown] if isinstance(shown, list) else shown


async def test_a_moment_in_the_past_counts_down_from_that_moment(each, clock):
    await each.declare()
    await each.wrote("PUT", "/targets/atlas/large/cooldown", {"for": "10m"})
    clock.advance(300)
    at = await each.target("atlas/large", at="-200s")
    assert at["shapes"]["text"]["remaining_s"] == pytest.approx(500, abs=1)
    before = await each.get("/targets", at="-301s")
    assert before == []


@pytest.mark.parametrize("text", ["yesterday", "9999999", "-5", "2026-13-01T00:00:00Z"])
async def test_a_place_that_is_none_is_refused_with_examples(one, text):
    answer = await one.http.get("/admin/v1/state", params={"at": text})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:interlock:problem:invalid"


async def test_the_whole_state_names_its_position_and_version(each):
    position = await each.declare()
    found = await each.get("/state", at=position)
    assert (found["position"], found["version"], found["revision"]) == (position, f"g1:{position}", 1)
    assert [t["id"] for t in found["targets"]] == ["atlas/large", "breeze/org/large"]


async def test_a_place_inside_a_batch_is_the_state_before_it(each):
    position = await each.declare()
    inside = await each.get("/state", at=position - 1)
    assert inside["targets"] == []
    assert inside["position"] < position - 1


async def test_a_diff_tells_what_an_operator_changed(each):
    start = await each.declare()
    await each.wrote("PUT", "/pools/chat/members/atlas/large/state", {"state": "disabled"})
    found = await each.get("/diff", **{"from": start})
    changed = {(c["kind"], c["id"]): c for c in found["changed"]}
    assert set(changed) == {("target", "atlas/large"), ("pool", "chat")}
    assert changed["target", "atlas/large"]["after"]["in_pools"][0]["reason"] == "member_disabled"
    assert (await each.get("/diff", **{"from": start, "to": start}))["changed"] == []


async def test_events_are_paged_by_position_in_both_directions(each):
    await each.declare()
    whole = (await each.get("/events", limit=1000))["events"]
    answer = await each.http.get("/admin/v1/events?limit=3")
    paged = answer.json()["events"]
    while "link" in answer.headers:
        answer = await each.http.get(answer.links["next"]["url"])
        paged += answer.json()["events"]
    assert [e["position"] for e in paged] == [e["position"] for e in whole]
    newest = (await each.get("/events", limit=2, newest="true"))["events"]
    assert [e["position"] for e in newest] == [e["position"] for e in reversed(whole)][:2]


async def test_the_history_of_a_target_is_its_events_and_its_transitions(each):
    await each.declare()
    worker = Worker()
    await each.tell(worker, worker.report(), *(worker.failed() for _ in range(3)))
    events = (await each.get("/events", subject="target/atlas/large"))["events"]
    assert [e["type"] for e in events] == ["TargetDefined"] + ["AttemptFailed"] * 3
    found = (await each.get("/transitions", subject="target/atlas/large"))["transitions"]
    assert found[0]["kind"] == "CooldownOpened"
    failures = {e["position"] for e in events if e["type"] == "AttemptFailed"}
    assert set(found[0]["evidence"]) <= failures


async def test_gateways_are_shown_with_their_snapshot_and_whether_they_live(one, clock):
    await one.declare()
    worker = Worker()
    await one.tell(worker, worker.report())
    (found,) = await one.get("/gateways")
    assert (found["gateway"], found["worker"], found["boot"], found["live"]) == ("gw-1", 0, "b1", True)
    clock.advance(30)
    other = Worker("gw-2")
    await one.tell(other, other.report())
    assert {g["gateway"]: g["live"] for g in await one.get("/gateways")} == {"gw-1": False, "gw-2": True}


async def test_health_readiness_metrics_and_the_projection_are_told(one):
    assert (await one.http.get("/healthz")).status_code == 200
    assert (await one.http.get("/readyz")).json()["status"] == "ready"
    await one.projector.stop()  # no tick comes between two looks
    (found,) = await one.get("/projections")
    assert (found["name"], found["behind"], found["halted"]) == ("routing-1", 0, None)
    await one.get("/targets")
    text = (await one.http.get("/metrics")).text
    assert 'interlock_control_requests_total{method="GET",route="/targets",status="200"} 1' in text
    assert f'interlock_projection_position{{projection="routing-1"}} {found["position"]}' in text


async def test_the_openapi_document_describes_every_route(one):
    document = (await one.http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    paths = set(document["paths"])
    assert {
        "/admin/v1/targets/{id}/cooldown",
        "/admin/v1/events",
        "/admin/v1/config/apply",
        "/readyz",
    } <= paths


async def test_events_are_bounded_by_positions_or_by_moments(each, clock):
    start = await each.declare()
    clock.advance(60)
    wrote = await each.wrote("PUT", "/targets/atlas/large/state", {"state": "drained"})
    clock.advance(60)
    later = await each.wrote("PUT", "/targets/atlas/large/state", {"state": "enabled"})

    async def found(**query: str) -> list[int]:
        page = await each.get("/events", stream="target/atlas/large", **query)
        return [event["position"] for event in page["events"]]

    assert await found(**{"from": str(start + 1), "to": str(later["position"] - 1)}) == [wrote["position"]]
    assert await found(**{"from": "-90s", "to": "-30s"}) == [wrote["position"]]
    assert await found(**{"from": "-30s"}) == [later["position"]]
    bad = await each.http.get("/admin/v1/events?from=soon")
    assert (bad.status_code, bad.json()["type"]) == (422, "urn:interlock:problem:invalid")


async def test_a_projection_that_stands_still_makes_the_process_unready_with_its_sentence(one):
    await one.stores.views.claim("routing-1")
    await one.stores.log.publish("clock", [Worker().report()])
    await until(
        lambda: one.projector.status().halted, timeout_s=30, what="the projector to notice the other owner"
    )
    answer = await one.http.get("/readyz")
    assert answer.status_code == 503
    assert "another process owns projection routing-1" in answer.json()["detail"]
    assert (await one.http.get("/healthz")).status_code == 200
