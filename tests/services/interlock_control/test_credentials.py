"""From a suspected credential to its quarantine and back, each decision made once."""

import asyncio

from interlock_control.credentials import CredentialFollower
from interlock_domain.words import FailureClass
from interlock_testing.waiting import until
from tests.services.facts import Worker
from tests.services.interlock_control.rig import PATIENCE_S, Serving

FINGERPRINT = "aabbccdd00112233"


async def refuse(serving: Serving, worker: Worker, failure: FailureClass, status: int) -> None:
    """A run of refusals of one credential, long enough to suspect it."""
    report = worker.report(fingerprints={"atlas": FINGERPRINT})
    await serving.tell(worker, report, *(worker.failed(failure=failure, status=status) for _ in range(4)))


async def test_a_refused_credential_is_quarantined_once_however_often_it_is_followed(each):
    await each.declare()
    await refuse(each, Worker(), FailureClass.AUTH, 401)
    follower = each.plane.credentials
    assert await follower.follow() == 1
    assert await follower.follow() == 0
    assert await CredentialFollower(each.stores.views, each.plane.commands).follow() == 0
    assert await each.projector.wait_position(await each.stores.log.head(), PATIENCE_S)
    (atlas, _) = await each.get("/providers")
    (found,) = atlas["quarantines"]
    assert (found["fingerprint"], found["failure"]) == (FINGERPRINT, "auth")
    assert 260 < found["recheck_in_s"] <= 300
    (event,) = (await each.get("/events", type="CredentialQuarantined"))["events"]
    assert (event["actor"], event["data"]["evidence"]) == ("interlock", found["evidence"])
    seen = await each.target("atlas/large")
    assert (seen["state"], "quarantined" in seen["reasons"]) == ("hard_excluded", True)


async def test_billing_is_rechecked_after_a_quarter_of_an_hour(one):
    await one.declare()
    await refuse(one, Worker(), FailureClass.BILLING, 402)
    assert await one.plane.credentials.follow() == 1
    (event,) = (await one.get("/events", type="CredentialQuarantined"))["events"]
    assert event["data"]["recheck_ms"] == 900_000


async def test_a_recheck_that_succeeds_releases_the_credential(one, clock):
    await one.declare()
    worker = Worker()
    await refuse(one, worker, FailureClass.AUTH, 401)
    await one.plane.credentials.follow()
    clock.advance(301)
    await one.tell(worker, worker.report(fingerprints={"atlas": FINGERPRINT}), worker.succeeded(probe=True))
    assert await one.plane.credentials.follow() == 1
    assert await one.projector.wait_position(await one.stores.log.head(), PATIENCE_S)
    (atlas, _) = await one.get("/providers")
    assert atlas["quarantines"] == []


async def test_a_provider_removed_meanwhile_leads_to_no_decision(one):
    await one.declare()
    await refuse(one, Worker(), FailureClass.AUTH, 401)
    await one.declare(
        "providers:\n  breeze: {base_url: 'http://127.0.0.1:9002/v1', api_key: none}\n"
        "pools:\n  chat: [breeze/org/large]\n"
    )
    assert await one.plane.credentials.follow() == 0


async def test_the_projector_wakes_the_follower_and_nobody_has_to_ask(one):
    await one.declare()
    follower = CredentialFollower(one.stores.views, one.plane.commands, look_s=3_600.0)
    one.projector.listen(follower.notice)
    following = asyncio.create_task(follower.run())
    await refuse(one, Worker(), FailureClass.AUTH, 401)

    async def quarantined() -> bool:
        return bool((await one.get("/providers"))[0]["quarantines"])

    await until(quarantined, timeout_s=PATIENCE_S, what="the quarantine, long before the next look by itself")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
