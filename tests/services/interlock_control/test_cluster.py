"""Several control planes over one journal and one log: what one decided, all of them show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text

from interlock_control.serve import brought
from interlock_eventlog.codec import CODEC
from interlock_eventlog.log import FactSink
from interlock_runtime.config_file import LoadedConfig, load_text
from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.waiting import until
from tests.services.facts import CONFIG_TEXT, Worker
from tests.services.interlock_control.cell import PATIENCE_S, Control, control, settings_of

Pair = tuple[Control, Control]
DISABLED = {"state": "disabled", "reason": "x"}


@pytest.fixture
async def two(kafka, topics, database_url) -> AsyncIterator[Pair]:
    settings = settings_of(kafka.bootstrap, topics, database_url)
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(control(settings)),
            await stack.enter_async_context(control(settings)),
        )


async def state_of(one: Control, target: str, **query: str) -> str:
    if "min_position" in query:
        await one.shows(query["min_position"])
    found = {shown["id"]: shown for shown in await one.get("/targets", **query)}
    return str(found[target]["state"])


async def test_what_one_control_plane_wrote_another_shows_at_its_position(two: Pair):
    first, second = two
    position = await first.declare()
    assert position.startswith("j")
    assert await state_of(second, "atlas/large", min_position=position) == "eligible"
    written = await second.wrote("PUT", "/targets/atlas/large/state", DISABLED)
    assert written["position"] == f"j{int(position[1:]) + 1}"
    assert await state_of(first, "atlas/large", min_position=written["position"]) == "hard_excluded"


async def test_a_write_on_an_old_version_is_refused_by_whichever_is_asked(two: Pair):
    first, second = two
    position = await first.declare()
    await second.shows(position)
    shown = await second.http.get("/admin/v1/targets/atlas/large", params={"min_position": position})
    seen = {"if-match": shown.headers["etag"]}
    await first.wrote("PUT", "/targets/atlas/large/state", DISABLED)
    answer = await second.http.put("/admin/v1/targets/atlas/large/state", json=DISABLED, headers=seen)
    assert answer.status_code == 412, answer.text


async def test_positions_of_either_count_are_understood_and_others_are_refused(two: Pair):
    one, _ = two
    position = await one.declare()
    await one.shows(position)
    shown = await one.http.get("/admin/v1/targets", params={"min_position": position})
    at = shown.headers["x-interlock-position"]
    for same in (at, f"g1:{at}", "j0", "g0:999999999"):
        answer = await one.http.get("/admin/v1/targets", params={"min_position": same})
        assert answer.status_code == 200, (same, answer.text)
    for wrong in ("jg1:1", "g2:1", "yesterday"):
        answer = await one.http.get("/admin/v1/targets", params={"min_position": wrong})
        assert answer.status_code == 422, (wrong, answer.text)


@pytest.mark.parametrize("position", ["j999", "999"])
async def test_a_position_that_does_not_come_is_a_problem_with_retry_after(two: Pair, position):
    answer = await two[0].http.get("/admin/v1/targets", params={"min_position": position})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


async def test_the_past_is_folded_from_kafka_beside_the_requests(two: Pair):
    first, second = two
    declared = await first.declare()
    written = await first.wrote("PUT", "/targets/atlas/large/state", DISABLED)
    await second.shows(written["position"])  # a place in the past is refused until the log holds it
    assert await state_of(second, "atlas/large", at=declared) == "eligible"
    assert await state_of(second, "atlas/large", at=written["position"]) == "hard_excluded"
    differs = await second.get("/diff", **{"from": declared, "to": written["position"]})
    assert {changed["id"] for changed in differs["changed"]} == {"atlas/large", "chat"}


async def test_events_of_the_log_are_searched_decisions_and_facts_in_one_order(two: Pair):
    first, second = two
    position = await first.declare()
    await first.shows(position)
    worker, log = Worker(), first.opened.plane.log
    sink: FactSink = log
    reported = await sink.publish(worker.stream, [worker.report()])
    await second.shows(str(reported))
    page = await second.get("/events", min_position=str(reported), limit=500)
    found = [(event["position"], event["type"]) for event in page["events"]]
    assert [at for at, _ in found] == list(range(1, reported + 1))
    assert found[-1] == (reported, "GatewayReported")
    newest = await second.get("/events", newest="true", limit=1)
    assert [event["position"] for event in newest["events"]] == [reported]


async def test_of_two_first_starts_with_one_file_one_applies_it_and_both_go_on(two: Pair, caplog):
    file = load_text(CONFIG_TEXT)
    assert isinstance(file, LoadedConfig)
    commands = [one.opened.plane.commands for one in two]
    assert await asyncio.gather(*(brought(one, file) for one in commands)) == [None, None]
    declared = [await one.declared() for one in commands]
    assert [(one.revision, one.origin, one.file_digest) for one in declared] == [(1, "file", file.digest)] * 2
    assert not caplog.records


async def test_a_journal_that_holds_something_wins_over_a_file_and_that_is_said(two: Pair, caplog):
    await two[0].declare()
    file = load_text(CONFIG_TEXT.replace("breeze/org/large]", "breeze/org/small]"))
    assert isinstance(file, LoadedConfig)
    commands = two[1].opened.plane.commands
    assert await brought(commands, file) is None
    assert (await commands.declared()).revision == 1
    assert "the journal holds revision 1" in caplog.text


async def test_one_relay_is_active_and_metrics_say_which(two: Pair):
    async def active() -> list[str]:
        texts = [(await one.http.get("/metrics")).text for one in two]
        lines = [line for text in texts for line in text.splitlines()]
        return sorted(line for line in lines if line.startswith("interlock_relay_active"))

    wanted = ["interlock_relay_active 0", "interlock_relay_active 1"]
    await until(lambda: _equal(active, wanted), timeout_s=PATIENCE_S, what="one active relay")


async def _equal(look, wanted) -> bool:
    return bool(await look() == wanted)


async def test_a_dead_letter_is_replayed_once_and_its_copy_stands_at_the_end_of_the_log(
    two: Pair, topics, database_url
):
    first, second = two
    await first.shows(await first.declare())  # else the log would hold the copy before the decisions
    worker = Worker()
    engine = open_postgres(database_url, size=1)
    values = {
        "topic": topics.events,
        "value": CODEC.encode(worker.report(), worker.stream),
        "headers": b"[]",
    }
    insert = (
        "INSERT INTO dead_letter (consumer, topic, partition, log_offset, recorded_ms, reason, detail, "
        "headers, value) VALUES ('routing-1', :topic, 0, 7, 1, 'unknown_type', 'x', :headers, :value)"
    )
    async with transaction(engine) as connection:
        await connection.execute(text(insert), values)
    await engine.dispose()
    (letter,) = (await first.get("/dead-letters"))["dead_letters"]
    replayed = await first.wrote("POST", f"/dead-letters/{letter['id']}/replay", {"reason": "upgraded"})
    position = int(replayed["copy"].rpartition("/")[2]) + 1
    await second.shows(str(position))
    (copy,) = (await second.get("/events", **{"from": str(position), "min_position": str(position)}))[
        "events"
    ]
    assert (copy["type"], copy["reason"]) == ("GatewayReported", "upgraded")
    assert copy["causation"] == f"dead-letter/{topics.events}/0/7"
    again = await second.http.post(f"/admin/v1/dead-letters/{letter['id']}/replay")
    assert again.status_code == 409, again.text
