"""Whatever lies in the events topic, through the whole path: kept as dead letters in the commit that passes
it, copied to their topic, and nothing valid behind it lost or moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.record.default_records import (  # type: ignore[import-untyped]
    _DefaultRecordBatchBuilderPy,
)
from sqlalchemy import text

from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import all_rows
from interlock_domain.projection.state import empty_state
from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.codec import CODEC
from interlock_eventlog.dead_letters import FACT_BYTES
from interlock_projector.bootstrap import cluster_projector
from interlock_projector.contend import ClusterProjector
from interlock_projector.forward import COPY_BYTES
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.postgres import transaction
from interlock_testing.waiting import until
from tests.services.facts import Worker
from tests.services.interlock_projector.cell import NAME, PATIENCE_S, Cell, opened_cell

pytestmark = pytest.mark.cluster

KEY = b"gateway/gw-1"
LARGE = b"x" * (1024 * 1024 - 200)


@pytest.fixture
async def cell(kafka, topics, database_url) -> AsyncIterator[Cell]:
    async with opened_cell(kafka.bootstrap, topics, database_url) as opened:
        yield opened


@asynccontextmanager
async def running(cell: Cell) -> AsyncIterator[ClusterProjector]:
    async with cluster_projector(cell.settings) as projector:
        task = asyncio.create_task(projector.run())
        try:
            yield projector
        finally:
            projector.stop()
            await asyncio.wait_for(task, PATIENCE_S)


def good(new: NewEvent) -> OutRecord:
    """A fact as a gateway sends it."""
    return OutRecord(key=KEY, value=CODEC.encode(new, KEY.decode()))


def bent(new: NewEvent, *, key: bytes | None = KEY, **changed: object) -> OutRecord:
    """The same with other envelope fields, or under another key."""
    body = msgspec.json.decode(CODEC.encode(new, KEY.decode())) | changed
    return OutRecord(key=key, value=msgspec.json.encode(body))


def poison() -> dict[str, OutRecord]:
    """By the reason that is kept."""
    stray = Worker("gw-9").report()
    return {
        "bad_json": OutRecord(key=KEY, value=b"{no json", headers=(("traceparent", b"\xff"),)),
        "unknown_type": bent(stray, type="Imagined"),
        "future_version": bent(stray, v=999),
        "bad_data": bent(stray, data={"moment": 7}),
        "null_value": OutRecord(key=KEY, value=None),
        "wrong_key": bent(stray, key=b"target/p/m"),
        "too_large": OutRecord(key=KEY, value=LARGE),
    }


async def letters(cell: Cell) -> list[Any]:
    async with transaction(cell.engine) as connection:
        return list(await connection.execute(text("SELECT * FROM dead_letter ORDER BY log_offset")))


async def test_every_poison_between_good_facts_is_kept_and_copied_and_no_good_fact_is_lost(cell):
    bad, worker = poison(), Worker()
    facts = [worker.report(), *(worker.failed() for _ in range(2 * len(bad)))]
    async with running(cell):
        declared = await cell.declared()
        sender = KafkaSender(cell.connection, client_id="stranger", timeout_s=PATIENCE_S)
        places: dict[str, int] = {}
        known: list[RecordedEvent] = []
        for name, record in bad.items():
            for new in (facts.pop(0), facts.pop(0)):
                (sent,) = await sender.send(cell.topics.events, [good(new)])
                known.append(_recorded(new, sent.offset, sent.timestamp_ms))
            (sent,) = await sender.send(cell.topics.events, [record])
            places[name] = sent.offset
        await _odd_header(cell, worker.report())
        (sent,) = await sender.send(cell.topics.events, [good(facts[0])])
        known.append(_recorded(facts[0], sent.offset, sent.timestamp_ms))
        await sender.close()
        await cell.committed(sent.offset + 1)
        await until(lambda: _copied(cell, len(bad) + 1), timeout_s=PATIENCE_S, what="the copies")
    await _kept_as_they_came(cell, bad, places)
    await _copies_are_told(cell, bad)
    await cell.views_equal_the_fold()
    await _equal_to_a_fold_without_poison(cell, declared, known)


async def _kept_as_they_came(cell: Cell, bad: dict[str, OutRecord], places: dict[str, int]) -> None:
    found = await letters(cell)
    assert [(one.reason, one.log_offset) for one in found[:-1]] == list(places.items())
    assert [(one.key, one.value) for one in found[:-1]] == [(one.key, one.value) for one in bad.values()]
    assert {(one.consumer, one.topic, one.state) for one in found} == {(NAME, cell.topics.events, "waiting")}
    assert found[-1].reason == "bad_header"
    assert msgspec.json.decode(found[0].headers, type=list[tuple[str, bytes]]) == [("traceparent", b"\xff")]


async def _copies_are_told(cell: Cell, bad: dict[str, OutRecord]) -> None:
    records = [one for part in range(3) for one in await cell.topic(cell.topics.dead_letters, part)]
    copies = {dict(one.headers)["dead_reason"].decode(): one for one in records}
    assert len(records) == len(bad) + 1
    for reason, record in bad.items():
        value = record.value
        assert copies[reason].key == record.key
        assert copies[reason].value == (value if value is None else value[:COPY_BYTES])
    assert dict(copies["too_large"].headers)["dead_cut_from"] == str(len(LARGE)).encode()
    assert dict(copies["bad_json"].headers)["traceparent"] == b"\xff"
    assert len(LARGE) > FACT_BYTES


async def _equal_to_a_fold_without_poison(cell: Cell, declared: int, known: list[RecordedEvent]) -> None:
    """What was sent, and nothing else, leads to the same strikes and the same effects."""
    told = {(one.position, one.kind, one.subject) for one in await cell.views.transitions()}
    state, seen = empty_state(), set()
    ticks = [one for one in await cell.log.read(after=0, limit=10_000) if one.stream == "clock"]
    decided = [one for one in await cell.log.read(after=0, limit=10_000) if one.version is not None]
    for record in sorted([*decided, *known, *ticks], key=lambda one: one.position):
        seen |= {(one.position, one.kind, one.subject) for one in evolve(state, record)}
    assert declared == decided[-1].position
    assert told == seen
    assert {key for key in all_rows(state) if key.startswith("target/")} == {"target/atlas/large"}


def _recorded(new: NewEvent, offset: int, recorded_ms: int) -> RecordedEvent:
    return RecordedEvent(
        position=offset + 1,
        recorded_ms=recorded_ms,
        stream=KEY.decode(),
        version=None,
        id=new.id,
        event=new.event,
        source=new.source,
        age_ms=new.age_ms,
    )


class NotUtf8(str):
    """A header's name as another client may write it: the protocol does not check it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


async def _odd_header(cell: Cell, new: NewEvent) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=list(cell.connection.bootstrap))
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 100_000)
        batch.append(timestamp=77, key=KEY, value=good(new).value, headers=[(NotUtf8("x"), b"")])
        await (await producer.send_batch(batch, cell.topics.events, partition=0))
    finally:
        await producer.stop()


async def _copied(cell: Cell, count: int) -> bool:
    found = await letters(cell)
    return len(found) == count and all(one.copied for one in found)


async def test_a_decision_of_a_newer_version_stops_the_projector_before_it_with_one_sentence(cell, caplog):
    async with running(cell) as projector:
        await cell.declared()
        before = await cell.outage()
        await cell.committed(before)
        body = b'{"id":"later","type":"MoonRisen","v":1,"stream":"moon","version":1,"data":{}}'
        sql = text(
            "INSERT INTO journal (position, stream, version, id, type, recorded_ms, body) "
            "SELECT max(position) + 1, 'moon', 1, 'later', 'MoonRisen', 5, CAST(:body AS bytea) FROM journal"
        )
        async with transaction(cell.engine) as connection:
            await connection.execute(sql, {"body": body})
        position = await cell.journal.log_position(await cell.journal.head(), PATIENCE_S)
        assert position
        told = await until(lambda: projector.status().halted, timeout_s=PATIENCE_S, what="the halt")
        assert "upgrade the projector first" in told
        assert not projector.ready
        await cell.outage()
        stands = await cell.views.position(NAME)
        assert before <= stands < position
        assert await letters(cell) == [], "a decision is never passed over"
    assert not [one for one in caplog.records if one.exc_info]
    assert await cell.views.position(NAME) == stands
