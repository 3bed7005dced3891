"""What every place that takes facts from a gateway must do."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from interlock_domain.recorded import RecordedEvent, stream_of_gateway
from interlock_eventlog.log import FactSink
from interlock_testing.contracts.samples import failure

Arrived = Callable[[], Awaitable[list[RecordedEvent]]]
"""What stands in the log so far, in its order."""

STREAM = stream_of_gateway("g1")


class FactSinkContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self) -> AbstractAsyncContextManager[tuple[FactSink, Arrived]]:
        """A new sink, and how to see what reached the log."""
        raise NotImplementedError

    async def test_what_was_published_stands_in_the_log_as_it_was_and_in_order(self) -> None:
        async with self.opened() as (sink, arrived):
            facts = [failure(seq, age_ms=seq) for seq in range(1, 701)]
            await sink.publish(STREAM, facts[:200])
            assert await sink.publish(STREAM, facts[200:]) == 700
            found = await arrived()
            assert [(one.id, one.event, one.source, one.age_ms) for one in found] == [
                (one.id, one.event, one.source, one.age_ms) for one in facts
            ]
            assert {(one.stream, one.version) for one in found} == {(STREAM, None)}

    async def test_given_a_batch_that_is_there_when_published_again_then_no_fact_is_missing_or_another(
        self,
    ) -> None:
        async with self.opened() as (sink, arrived):
            await sink.publish(STREAM, [failure(1), failure(2)])
            await sink.publish(STREAM, [failure(1), failure(2), failure(3)])
            ids = [one.id for one in await arrived()]
            assert list(dict.fromkeys(ids)) == [failure(seq).id for seq in (1, 2, 3)]

    async def test_given_a_sequence_with_a_hole_then_every_fact_keeps_its_number(self) -> None:
        async with self.opened() as (sink, arrived):
            await sink.publish(STREAM, [failure(seq) for seq in (3, 4, 9)])
            assert [one.source.seq for one in await arrived() if one.source is not None] == [3, 4, 9]
