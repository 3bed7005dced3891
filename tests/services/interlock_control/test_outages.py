"""Kafka or PostgreSQL away: what can be answered is, with its age; what cannot is one clear problem."""

from functools import partial

import httpx2

from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.waiting import until
from tests.services.interlock_control.cell import PATIENCE_S, Control, control, settings_of

STATE = "/admin/v1/targets/atlas/large/state"
DRAINED = {"state": "drained", "reason": "x"}
patient = partial(until, timeout_s=PATIENCE_S)


async def shown_at(one: Control, position: str) -> bool:
    answer = await one.http.get("/admin/v1/targets", params={"min_position": position})
    return answer.status_code == 200


async def refused(one: Control, position: str) -> httpx2.Response:
    return await one.http.get("/admin/v1/targets", params={"min_position": position})


async def test_while_kafka_is_away_commands_are_accepted_and_reads_tell_their_age(
    local_kafka, database_url, tmp_path
):
    cluster, topics = local_kafka.cluster(tmp_path), fresh_topics()
    await cluster.start()
    try:
        await create_topics(cluster.bootstrap, topics)
        async with control(settings_of(cluster.bootstrap, topics, database_url)) as one:
            position = await one.declare()
            await one.shows(position)
            await patient(lambda: one.opened.follower.status().halted is None, what="readiness")
            cluster.kill(1)
            written = await one.wrote("PUT", "/targets/atlas/large/state", DRAINED)
            assert written["position"] == f"j{int(position[1:]) + 1}"
            late = await refused(one, written["position"])
            assert (late.status_code, late.headers["retry-after"]) == (503, "1")
            assert "safe in the journal" in late.json()["detail"]
            await patient(lambda: one.opened.follower.status().trouble, what="the outage to be seen")
            read = await one.http.get("/admin/v1/targets")
            assert read.status_code == 200
            assert int(read.headers["x-interlock-age-ms"]) > 0
            assert (await one.http.get("/readyz")).status_code == 200
            history = await one.http.get("/admin/v1/events")
            assert history.status_code == 503
            assert str(cluster.bootstrap[0]) in history.json()["detail"]
            assert "Traceback" not in history.text
            await cluster.start_again(1)
            await patient(partial(shown_at, one, written["position"]), what="the write to be shown")
            (atlas, *_) = await one.get("/targets")
            assert atlas["state"] == "hard_excluded"
            await patient(lambda: one.opened.follower.status().trouble is None, what="the end of the outage")
    finally:
        await cluster.stop()


async def test_while_postgresql_is_away_reads_go_on_and_commands_are_refused_with_a_sentence(
    local_postgres, kafka, topics
):
    server = local_postgres.server()
    await server.start()
    try:
        async with server.database() as url, control(settings_of(kafka.bootstrap, topics, url)) as one:
            position = await one.declare()
            await one.shows(position)
            await patient(lambda: one.opened.follower.status().halted is None, what="readiness")
            server.kill()
            answer = await one.http.put(STATE, json=DRAINED)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["type"] == "urn:interlock:problem:unavailable"
            assert "PostgreSQL at 127.0.0.1" in answer.json()["detail"]
            assert (await one.http.get("/admin/v1/targets")).status_code == 200
            assert (await one.http.get("/admin/v1/targets/atlas/large")).status_code == 200
            assert (await one.http.get("/readyz")).status_code == 200
            assert (await one.http.get("/admin/v1/requests")).status_code == 503
            await server.start_again()

            async def accepted() -> bool:
                return (await one.http.put(STATE, json=DRAINED)).status_code == 200

            await patient(accepted, what="commands to be accepted again")
            written = await one.wrote("PUT", "/targets/atlas/large/state", {"state": "enabled"})
            await patient(partial(shown_at, one, written["position"]), what="the relay to go on")
    finally:
        await server.remove()
