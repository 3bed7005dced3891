"""Names that clients use: pools, exact targets, the list of models, and the shares that pools promise."""

from collections import Counter

import pytest

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.catalog.commands import SetMemberState, SetPoolState, SetTargetState
from interlock_domain.words import AdminState
from interlock_records.records import RecordFilter
from interlock_testing.behaviour import fail, healthy
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import QUICK, sdk


async def test_a_configuration_without_any_pool_serves_exact_names(atlas):
    async with running(declaring({"atlas": atlas.url}, pools="{}")) as loop:
        declared = await loop.chat("atlas/whatever/is-asked:for")
        unknown = await loop.chat("boreas/large")
        models = (await loop.http.get("/v1/models")).json()
    assert declared.status_code == 200
    assert declared.headers["x-interlock-target"] == "atlas/whatever/is-asked:for"
    assert atlas.requests[0].model == "whatever/is-asked:for"
    assert unknown.status_code == 404
    assert models["data"] == []


async def test_failures_of_an_undeclared_name_teach_nothing_until_it_has_answered(atlas):
    from interlock_domain.events import AttemptFailed

    atlas.behaviour = fail(500)
    async with running(declaring({"atlas": atlas.url}, policy=QUICK)) as loop:
        for _ in range(5):
            await loop.chat("atlas/misspelt")
        await loop.settle()
        assert await loop.facts(AttemptFailed) == []
        atlas.behaviour = healthy()
        assert (await loop.chat("atlas/real")).status_code == 200
        atlas.behaviour = fail(500)
        await loop.chat("atlas/real")
        failed = await until(lambda: loop.facts(AttemptFailed), what="the facts")
    assert {f.target for f in failed} == {"atlas/real"}


async def test_names_that_clients_invent_are_no_labels_and_take_no_room_for_long(atlas):
    atlas.behaviour = fail(404)
    async with running(declaring({"atlas": atlas.url})) as loop:
        for n in range(30):
            await loop.chat(f"atlas/invented-{n}")
        gateway = loop.gateway.service.gateway
        page = (await loop.http.get("/metrics")).text
        assert gateway.pools_asked == {}
    assert "invented" not in page
    assert 'interlock_requests_total{pool="other",result="upstream_refused"} 30.0' in page


async def test_the_list_of_models_is_ordered_alike_on_every_call_and_moves_nothing(atlas, breeze):
    pools = (
        "{zeta: [atlas/large], alpha: [breeze/large], "
        "mid: {strategy: weighted_round_robin, members: [atlas/large, breeze/large]}}"
    )
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools)) as loop:
        lists = []
        served = []
        for _ in range(6):
            lists.append((await loop.http.get("/v1/models")).content)
            served.append((await loop.chat("mid")).headers["x-interlock-target"])
            await loop.http.get("/v1/models/mid")
        async with sdk(loop) as client:
            ids = [model.id async for model in client.models.list()]
        turns = [(await loop.record(r.request_id)).inputs.turn for r in await _records(loop)]
    assert len(set(lists)) == 1
    assert ids == ["alpha", "mid", "zeta"]
    assert served[:2] * 3 == served
    assert len(set(served[:2])) == 2
    assert sorted(turns) == list(range(6))


async def _records(loop: RunningLoop) -> tuple[RequestRecord, ...]:
    await loop.gateway.service.gateway.records.flush()
    return (await loop.records.newest(RecordFilter())).records


async def test_one_model_is_found_by_pool_name_and_by_exact_name(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        pool, exact = [await loop.http.get(f"/v1/models/{name}") for name in ("chat", "atlas/org/large")]
        unknown = await loop.http.get("/v1/models/nothing")
    assert (pool.json()["id"], exact.json()["id"]) == ("chat", "atlas/org/large")
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")


async def test_a_pool_that_can_serve_nobody_is_not_listed(atlas, breeze):
    pools = "{chat: [atlas/large], other: [breeze/large]}"
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools)) as loop:
        await loop.command(SetTargetState(target="breeze/large", state=AdminState.DRAINED))
        await loop.settle()
        ids = [one["id"] for one in (await loop.http.get("/v1/models")).json()["data"]]
        answer = await loop.chat("other")
    assert ids == ["chat"]
    assert answer.status_code == 503


async def test_weighted_round_robin_gives_exact_shares(atlas, breeze):
    pools = (
        "{chat: {strategy: weighted_round_robin, members: "
        "[{target: atlas/large, weight: 3}, {target: breeze/large, weight: 2}]}}"
    )
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools)) as loop:
        for _ in range(4):
            served = [(await loop.chat()).headers["x-interlock-target"] for _ in range(5)]
            assert Counter(served) == {"atlas/large": 3, "breeze/large": 2}
    assert (atlas.attempts, breeze.attempts) == (12, 8)


async def test_weighted_random_follows_its_weights(atlas, breeze):
    pools = (
        "{chat: {strategy: weighted_random, members: "
        "[{target: atlas/large, weight: 9}, {target: breeze/large, weight: 1}]}}"
    )
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools)) as loop:
        for _ in range(150):
            await loop.chat()
    # 150 draws of 0.9: outside of these bounds once in millions of runs.
    assert 105 <= atlas.attempts < 150


async def test_priorities_come_before_the_order_of_the_list(atlas, breeze):
    pools = "{chat: [{target: atlas/large, priority: 2}, {target: breeze/large, priority: 1}]}"
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools)) as loop:
        assert (await loop.chat()).headers["x-interlock-target"] == "breeze/large"


@pytest.mark.parametrize("state", [AdminState.DISABLED, AdminState.DRAINED])
async def test_a_member_put_aside_in_one_pool_still_serves_in_another(atlas, breeze, state):
    pools = "{chat: [atlas/large, breeze/large], other: [atlas/large]}"
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url}, pools=pools)) as loop:
        await loop.command(SetMemberState(pool="chat", target="atlas/large", state=state))
        await loop.settle()
        aside, other, exact = [await loop.chat(name) for name in ("chat", "other", "atlas/large")]
        await loop.command(SetPoolState(pool="other", state=state))
        await loop.settle()
        closed = await loop.chat("other")
    assert [a.headers["x-interlock-target"] for a in (aside, other, exact)] == [
        "breeze/large",
        "atlas/large",
        "atlas/large",
    ]
    assert closed.status_code == 503


async def test_a_drained_target_ends_what_it_runs_and_gets_nothing_new(atlas, breeze):
    import asyncio

    atlas.behaviour = healthy(interval_ms=20, chunks=20)
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url})) as loop:
        begun = asyncio.create_task(loop.chat(stream=True))
        await until(lambda: atlas.open == 1, what="the stream")
        await loop.command(SetTargetState(target="atlas/large", state=AdminState.DRAINED))
        await loop.settle()
        later = await loop.chat()
        first = await begun
    assert later.headers["x-interlock-target"] == "breeze/large"
    assert first.headers["x-interlock-target"] == "atlas/large"
    assert first.content.endswith(b"data: [DONE]\n\n")
