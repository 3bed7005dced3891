"""Both ends of a gateway in a cell without a projector: what it follows, and what it publishes."""

import time
from typing import Final

import msgspec

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.catalog.decide import Rejected, decide
from interlock_domain.catalog.declared import Declared
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import all_rows, commit_row
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import RecordedEvent
from interlock_domain.rows import CLUSTER_KEY, ClusterRow
from interlock_eventlog.codec import CODEC
from interlock_feed.adapters.kafka import KafkaFeed
from interlock_records.batches import records_of
from interlock_runtime.config_file import LoadedConfig, load_text
from tests.drills.rig.cell import Cell
from tests.drills.rig.topic import whole_topic

CLUSTER_KEY_BYTES: Final = b"k" * 32


def folded(config: str) -> State:
    """The fold of a log that holds this configuration alone."""
    loaded = load_text(config)
    assert isinstance(loaded, LoadedConfig), loaded
    decided = decide(Declared(), ApplyConfig(config=loaded.config, digest=loaded.digest, origin="file"))
    assert not isinstance(decided, Rejected), decided
    state, now_ms = empty_state(), time.time_ns() // 1_000_000
    for part in decided:
        for version, event in enumerate(part.events, start=1):
            position = state.position + 1
            evolve(
                state,
                RecordedEvent(
                    position=position,
                    recorded_ms=now_ms,
                    stream=part.stream,
                    version=version,
                    id=f"e{position}",
                    event=event,
                ),
            )
    return state


async def publish(
    cell: Cell, config: str, *, key: bytes = CLUSTER_KEY_BYTES, position: int | None = None
) -> None:
    """Put a snapshot of that configuration on the state topic, as a projector does."""
    state, feed = folded(config), KafkaFeed(cell.connection, cell.topics, send_s=30.0)
    state.position = position or state.position
    cluster = {CLUSTER_KEY: msgspec.json.encode(ClusterRow(key=key))}
    try:
        await feed.publish(commit_row(state, generation=1, epoch=1), all_rows(state) | cluster)
    finally:
        await feed.close()


async def facts(cell: Cell) -> list[RecordedEvent]:
    """Everything on the events topic, in its order."""
    found = []
    for _, record in await whole_topic(cell.connection, cell.topics.events):
        event = CODEC.decode(record.value or b"", record.offset + 1, record.timestamp)
        assert isinstance(event, RecordedEvent), event
        found.append(event)
    return found


async def records(cell: Cell) -> list[RequestRecord]:
    """Everything on the requests topic; the records of one gateway are in their order."""
    found: list[RequestRecord] = []
    for _, batch in await whole_topic(cell.connection, cell.topics.requests):
        found += records_of(batch.value or b"")
    return found
