"""What every place that takes request records from a gateway must do."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from interlock_domain.attempt.record import RequestRecord
from interlock_records.records import RecordSink
from interlock_testing.contracts.records import record

Arrived = Callable[[], Awaitable[list[RequestRecord]]]
"""The records that came out at the other end so far, in their order."""


class RecordSinkContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self) -> AbstractAsyncContextManager[tuple[RecordSink, Arrived]]:
        """A new sink, and how to see what reached its other end."""
        raise NotImplementedError

    async def test_what_was_put_arrives_as_it_was_and_in_order(self) -> None:
        async with self.opened() as (sink, arrived):
            wanted = [record(n) for n in range(1, 451)]
            await sink.put(wanted[:200])
            await sink.put(wanted[200:])
            assert await arrived() == wanted

    async def test_putting_nothing_is_fine(self) -> None:
        async with self.opened() as (sink, arrived):
            await sink.put([])
            await sink.put([record(1)])
            assert await arrived() == [record(1)]

    async def test_putting_a_batch_again_leaves_no_record_out(self) -> None:
        async with self.opened() as (sink, arrived):
            await sink.put([record(1), record(2)])
            await sink.put([record(1), record(2), record(3)])
            found = await arrived()
            assert list(dict.fromkeys(one.request_id for one in found)) == [
                record(n).request_id for n in (1, 2, 3)
            ]
