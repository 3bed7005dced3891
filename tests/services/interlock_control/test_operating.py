"""What operators do, over HTTP: each write is an event, can be read back, and is refused with a sentence."""

import pytest

from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_runtime.sqlite_errors import StorageBusy, StorageFull
from tests.services.facts import CONFIG_TEXT, Worker
from tests.services.interlock_control.rig import serving
from tests.services.stores import Stores

STATES = [
    ("/targets/breeze/org/large/state", "/targets", "id", "breeze/org/large"),
    ("/providers/breeze/state", "/providers", "name", "breeze"),
    ("/pools/chat/state", "/pools", "name", "chat"),
]


async def test_a_cooldown_is_an_event_and_is_read_back_by_its_position(each):
    await each.declare()
    wrote = await each.wrote(
        "PUT",
        "/targets/breeze/org/large/cooldown",
        {"for": "10m", "reason": "hot"},
        x_interlock_actor="alice",
    )
    seen = await each.target("breeze/org/large", min_position=wrote["position"])
    assert seen["state"] == "soft_excluded"
    assert seen["shapes"]["text"]["reason"] == "cooldown_operator"
    assert 560 < seen["shapes"]["text"]["remaining_s"] <= 600
    assert seen["shapes"]["text"]["cause"] == wrote["position"]
    found = (await each.get("/events", stream="target/breeze/org/large", type="CooldownSet"))["events"]
    assert [(e["position"], e["version"], e["actor"], e["reason"]) for e in found] == [
        (wrote["position"], wrote["version"], "alice", "hot")
    ]
    assert found[0]["data"] == {"target": "breeze/org/large", "shape": "*", "duration_ms": 600_000}


async def test_lifting_a_cooldown_makes_the_target_eligible_again(each):
    await each.declare()
    await each.wrote("PUT", "/targets/atlas/large/cooldown", {"for": "10m", "shape": "tools"})
    rested = await each.target("atlas/large", min_position=await each.stores.log.head())
    assert rested["shapes"]["tools"]["state"] == "soft_excluded"
    assert rested["shapes"]["text"]["state"] == "eligible"
    wrote = await each.wrote("DELETE", "/targets/atlas/large/cooldown")
    assert (await each.target("atlas/large", min_position=wrote["position"]))["state"] == "eligible"


@pytest.mark.parametrize(("path", "listing", "field", "name"), STATES)
async def test_a_state_is_set_with_actor_reason_and_expiry_and_ends_by_itself(
    one, clock, path, listing, field, name
):
    await one.declare()
    body = {"state": "drained", "reason": "upgrade", "expires_in": "5m"}
    wrote = await one.wrote("PUT", path, body, x_interlock_actor="bob")
    (found,) = [t for t in await one.get(listing, min_position=wrote["position"]) if t[field] == name]
    assert found["set_by"] == {
        "state": "drained",
        "actor": "bob",
        "reason": "upgrade",
        "remaining_s": pytest.approx(300, abs=40),
        "position": wrote["position"],
    }
    clock.advance(301)
    await one.tell(worker := Worker(), worker.report())
    (found,) = [t for t in await one.get(listing) if t[field] == name]
    assert found["set_by"] is None


async def test_a_member_disabled_in_one_pool_is_untouched_in_another(each):
    await each.declare()
    wrote = await each.wrote("PUT", "/pools/chat/members/breeze/org/large/state", {"state": "disabled"})
    seen = await each.target("breeze/org/large", min_position=wrote["position"])
    assert {p["pool"]: (p["state"], p["reason"]) for p in seen["in_pools"]} == {
        "chat": ("hard_excluded", "member_disabled"),
        "other": ("eligible", None),
    }
    assert seen["state"] == "eligible"
    (chat, _) = await each.get("/pools")
    assert [m["target"] for m in chat["members"] if m["set_by"]] == ["breeze/org/large"]
    assert chat["eligible"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind", "says"),
    [
        ("PUT", "/targets/atlas/larg/state", {"state": "gone"}, 422, "invalid", "enabled"),
        (
            "PUT",
            "/targets/nobody/x/state",
            {"state": "disabled"},
            404,
            "unknown_target",
            "interlock get targets",
        ),
        ("PUT", "/providers/atla/state", {"state": "disabled"}, 404, "unknown_provider", "atlas"),
        ("PUT", "/pools/chatt/state", {"state": "disabled"}, 404, "unknown_pool", "chat"),
        ("PUT", "/pools/chat/members/no/x/state", {"state": "disabled"}, 404, "unknown_member", "no/x"),
        ("PUT", "/targets/atlas/large/cooldown", {"for": "10"}, 422, "invalid", "30s, 10m or 2h"),
        ("PUT", "/targets/atlas/large/cooldown", {"for": "1m", "shape": "smell"}, 422, "invalid", "vision"),
        ("PUT", "/targets/atlas/large/cooldown", {"for": "1m", "raeson": "x"}, 422, "invalid", "raeson"),
        (
            "PUT",
            "/targets/atlas/large/state",
            {"state": "disabled", "expires_in": "0s"},
            422,
            "invalid",
            "duration",
        ),
        ("GET", "/nothing", None, 404, "not_found", "/openapi.json"),
        ("POST", "/targets", None, 405, "method_not_allowed", "GET"),
    ],
)
async def test_a_refusal_is_a_problem_with_a_sentence_that_helps(one, method, path, body, status, kind, says):
    await one.declare()
    head = await one.stores.log.head()
    answer = await one.send(method, path, body)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:interlock:problem:{kind}"
    assert says in problem["detail"]
    assert problem["instance"].endswith(path)
    assert await one.stores.log.head() == head


async def test_if_match_holds_a_write_to_the_version_that_was_read(one):
    await one.declare()
    path = "/targets/atlas/large/state"
    seen = await one.http.get("/admin/v1/targets/atlas/large")
    await one.wrote("PUT", path, {"state": "drained"}, if_match=seen.headers["etag"])
    late = await one.send("PUT", path, {"state": "enabled"}, if_match=seen.headers["etag"])
    assert late.status_code == 412
    assert late.json()["current_version"] == 2
    assert (await one.send("PUT", path, {"state": "enabled"}, if_match="soon")).status_code == 422
    assert (await one.send("PUT", path, {"state": "enabled"}, if_match='"2"')).headers["etag"] == '"3"'


async def test_the_same_idempotency_key_appends_once_and_another_body_is_refused(each):
    await each.declare()
    path, body = "/targets/atlas/large/cooldown", {"for": "10m"}
    first = await each.send("PUT", path, body, idempotency_key="k-1")
    again = await each.send("PUT", path, body, idempotency_key="k-1")
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await each.send("PUT", path, {"for": "20m"}, idempotency_key="k-1")
    assert (other.status_code, other.json()["type"]) == (422, "urn:interlock:problem:idempotency_key_reused")
    assert len((await each.get("/events", type="CooldownSet"))["events"]) == 1


async def test_a_configuration_is_applied_on_the_revision_that_was_read(each):
    first = await each.http.post("/admin/v1/config/apply", content=CONFIG_TEXT)
    assert first.status_code == 428
    made = await each.http.post("/admin/v1/config/apply", content=CONFIG_TEXT, headers={"if-match": '"0"'})
    assert made.json()["revision"] == 1
    late = await each.http.post(
        "/admin/v1/config/apply", content=CONFIG_TEXT + "\n", headers={"if-match": '"0"'}
    )
    assert (late.status_code, late.json()["type"]) == (412, "urn:interlock:problem:stale_revision")
    again = await each.http.post("/admin/v1/config/apply", content=CONFIG_TEXT, headers={"if-match": '"1"'})
    assert again.json()["changed"] is False
    shown = await each.http.get("/admin/v1/config")
    assert shown.headers["etag"] == '"1"'
    assert [p["name"] for p in shown.json()["config"]["pools"]] == ["chat", "other"]


async def test_every_mistake_of_a_configuration_is_told_with_its_line(one):
    text = (
        "providers:\n  atlas: {base_url: 'http://x/v1', api_key: none}\npols: {}\npools:\n  chat: [nope/x]\n"
    )
    answer = await one.http.post("/admin/v1/config/apply", content=text, headers={"if-match": "*"})
    assert answer.status_code == 422
    found = answer.json()
    assert found["detail"].startswith("interlock.yaml:3:1")
    assert [mistake["line"] for mistake in found["mistakes"]] == [3, 5]


async def test_removing_many_targets_needs_to_be_said(one):
    many = ", ".join(f"atlas/m{n}" for n in range(10))
    head = "providers:\n  atlas: {base_url: 'http://x/v1', api_key: none}\npools:\n"
    await one.declare(f"{head}  chat: [{many}]\n")
    small = f"{head}  chat: [atlas/m0]\n"
    refused = await one.http.post("/admin/v1/config/apply", content=small, headers={"if-match": "*"})
    assert refused.status_code == 409
    assert "--allow-removal" in refused.json()["detail"]
    done = await one.http.post(
        "/admin/v1/config/apply?allow_removal=true", content=small, headers={"if-match": "*"}
    )
    assert done.status_code == 200


class FailingLog(MemoryEventLog):
    """A log whose appends fail."""

    error: Exception | None = None

    async def append(self, appends):
        if self.error is not None:
            raise self.error
        return await super().append(appends)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (StorageFull("the disk is full: free some space"), 507, "storage_full"),
        (StorageBusy("held by another program: stop it"), 503, "storage"),
    ],
)
async def test_a_store_that_cannot_write_is_a_problem_and_reads_go_on(tmp_path, clock, error, status, kind):
    stores = Stores("memory", tmp_path, clock.wall_ms)
    stores.log = log = FailingLog(clock.wall_ms)
    async with serving(stores, clock) as one:
        await one.declare()
        log.error = error
        answer = await one.send("PUT", "/targets/atlas/large/state", {"state": "drained"})
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:interlock:problem:{kind}")
        assert answer.json()["detail"] == str(error)
        assert (await one.target("atlas/large"))["state"] == "eligible"


async def test_a_mistake_of_ours_is_a_problem_too(tmp_path, clock):
    stores = Stores("memory", tmp_path, clock.wall_ms)
    stores.log = log = FailingLog(clock.wall_ms)
    async with serving(stores, clock) as one:
        await one.declare()
        log.error = RuntimeError("secret detail")
        answer = await one.send("PUT", "/targets/atlas/large/state", {"state": "drained"})
        assert (answer.status_code, answer.json()["type"]) == (500, "urn:interlock:problem:bug")
        assert "secret detail" not in answer.text
