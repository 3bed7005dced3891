"""Request records on a real requests topic."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from interlock_domain.attempt.record import RequestRecord
from interlock_records.adapters.kafka import KafkaRequestRecords
from interlock_records.batches import TOO_LARGE, records_of
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.reader import Record
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_testing.contracts.record_sink import Arrived, RecordSinkContract
from interlock_testing.contracts.records import record
from interlock_testing.waiting import free_port
from tests.drills.rig.topic import whole_topic


def decoded(found: Sequence[tuple[int, Record]]) -> list[RequestRecord]:
    return [one for _, batch in found for one in records_of(batch.value or b"")]


class TestKafkaRequestRecords(RecordSinkContract):
    @pytest.fixture(autouse=True)
    def _cell(self, kafka, topics):
        self.connection = KafkaConnection(bootstrap=kafka.bootstrap)
        self.topics = topics

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[KafkaRequestRecords, Arrived]]:
        sink = KafkaRequestRecords(
            KafkaSender(self.connection, client_id="test", timeout_s=20.0, compression="lz4"), self.topics
        )

        async def arrived() -> list[RequestRecord]:
            return decoded(await whole_topic(self.connection, self.topics.requests))

        try:
            yield sink, arrived
        finally:
            await sink.close()

    async def test_records_of_one_gateway_keep_to_one_partition_and_are_keyed_by_it(self) -> None:
        async with self.opened() as (sink, _):
            for n in range(6):
                await sink.put([replace(record(n), gateway=f"gw-{n % 3}", seq=n)])
            found = await whole_topic(self.connection, self.topics.requests)
        places = {(batch.key, partition) for partition, batch in found}
        assert {key for key, _ in places} == {b"gw-0", b"gw-1", b"gw-2"}
        assert len(places) == 3

    async def test_a_batch_names_whose_records_it_holds(self) -> None:
        async with self.opened() as (sink, _):
            await sink.put([record(n) for n in range(1, 4)])
            ((_, batch),) = await whole_topic(self.connection, self.topics.requests)
        headers = dict(batch.headers)
        assert headers["ce_id"] == b"g1/0/b1/1-3"
        assert headers["ce_type"] == b"RequestsRecorded"
        assert headers["ce_source"] == b"gateway/g1"

    async def test_a_record_too_large_for_a_broker_does_not_block_the_others(self) -> None:
        async with self.opened() as (sink, arrived):
            assert isinstance(sink, KafkaRequestRecords)
            await sink.put([record(1), replace(record(2), reason="x" * TOO_LARGE), record(3)])
            assert await arrived() == [record(1), record(3)]
            assert sink.refused == 1


async def test_with_nobody_there_it_says_so_in_time():
    nowhere = KafkaConnection(bootstrap=(f"127.0.0.1:{free_port()}",))
    sink = KafkaRequestRecords(KafkaSender(nowhere, client_id="test", timeout_s=0.5), Topics("nobody"))
    with pytest.raises(Unsent, match=r"nobody\.requests\.v1"):
        await sink.put([record(1)])
    await sink.close()
