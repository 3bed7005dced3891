"""What every store of request records must do."""

from contextlib import AbstractAsyncContextManager
from typing import Final

from msgspec.structs import replace

from interlock_domain.attempt.record import AttemptRecord, RequestRecord
from interlock_domain.routing.decision import RouteInputs, Traits
from interlock_domain.words import Outcome, Result
from interlock_records.paging import BadCursor
from interlock_records.records import RecordFilter, RequestRecords


def record(n: int, *, pool: str = "chat", target: str = "p/a", position: int | None = None) -> RequestRecord:
    """Request n, started at second n; `position` None: of snapshot n."""
    attempt = AttemptRecord(number=1, target=target, outcome=Outcome.SUCCEEDED, started_ms=1, ended_ms=9)
    return RequestRecord(
        request_id=f"req{n:06d}",
        gateway="g1",
        boot="b1",
        seq=n,
        started_ms=n * 1000,
        duration_ms=10,
        pool=pool,
        inputs=RouteInputs(model=pool, traits=Traits(), as_of_ms=n, seed=n, gateway="g1"),
        snapshot=f"g1:{n if position is None else position}",
        engine="1",
        decision=None,
        attempts=(attempt,),
        result=Result.ANSWERED if n % 2 else Result.DEADLINE,
        status=200,
    )


RACE: Final = (
    AttemptRecord(
        number=1,
        target="p/a",
        outcome=Outcome.LOST,
        started_ms=1,
        ended_ms=9,
        headers=("accept-encoding", "authorization"),
    ),
    AttemptRecord(
        number=2,
        target="p/b",
        outcome=Outcome.SUCCEEDED,
        started_ms=5,
        ended_ms=20,
        ttft_ms=4,
        redirect="b-2026",
        hedge=True,
    ),
)
"""Two attempts side by side, the second of which had content first."""


class RequestRecordsContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self) -> AbstractAsyncContextManager[RequestRecords]:
        """A new, empty store that is closed on leaving."""
        raise NotImplementedError

    async def test_a_record_comes_back_as_it_was(self) -> None:
        async with self.opened() as records:
            await records.put([record(1), record(2)])
            assert await records.get("req000001") == record(1)
            assert await records.get("req000009") is None

    async def test_a_race_comes_back_as_it_was(self) -> None:
        async with self.opened() as records:
            raced = replace(record(1), attempts=RACE)
            await records.put([raced, record(3)])
            found = await records.get("req000001")
            assert found == raced
            assert found is not None
            assert found.attempts[0].redirect is None
            assert (await records.newest(RecordFilter(target="p/b"))).records == (raced,)

    async def test_given_a_known_id_when_put_again_then_the_first_stays(self) -> None:
        async with self.opened() as records:
            await records.put([record(1, pool="first")])
            await records.put([record(1, pool="second"), record(2)])
            found = await records.get("req000001")
            assert found is not None
            assert found.pool == "first"
            assert await records.get("req000002") == record(2)

    async def test_putting_nothing_is_fine(self) -> None:
        async with self.opened() as records:
            await records.put([])
            assert (await records.newest(RecordFilter())).records == ()

    async def test_a_prefix_of_six_characters_finds_a_record_when_only_one_fits(self) -> None:
        async with self.opened() as records:
            await records.put([record(10), record(200_001), record(200_002)])
            assert await records.get("req0000") == record(10)
            assert await records.get("req200") is None
            assert await records.get("req00") is None
            assert await records.get("req%%%%") is None
            assert await records.get("req200002") == record(200_002)

    async def test_pages_are_newest_first_and_follow_one_another(self) -> None:
        async with self.opened() as records:
            await records.put([record(n) for n in range(7)])
            seen: list[RequestRecord] = []
            cursor: str | None = None
            sizes = []
            while True:
                page = await records.newest(RecordFilter(limit=3, before=cursor))
                seen.extend(page.records)
                sizes.append(len(page.records))
                if page.next is None:
                    break
                cursor = page.next
            assert seen == [record(n) for n in reversed(range(7))]
            assert sizes == [3, 3, 1]

    async def test_given_records_of_one_moment_then_paging_skips_none(self) -> None:
        async with self.opened() as records:
            same = [_at_one_moment(n) for n in range(5)]
            await records.put(same)
            first = await records.newest(RecordFilter(limit=2))
            second = await records.newest(RecordFilter(limit=9, before=first.next))
            assert [*first.records, *second.records] == same[::-1]

    async def test_a_full_last_page_has_no_cursor(self) -> None:
        async with self.opened() as records:
            await records.put([record(n) for n in range(3)])
            assert (await records.newest(RecordFilter(limit=3))).next is None

    async def test_each_filter_narrows(self) -> None:
        async with self.opened() as records:
            await records.put(
                [record(1), record(2, pool="other"), record(3, target="p/b"), record(4), record(5)]
            )
            expected = {
                RecordFilter(pool="chat"): [5, 4, 3, 1],
                RecordFilter(target="p/b"): [3],
                RecordFilter(result="deadline"): [4, 2],
                RecordFilter(from_ms=2000, to_ms=4000): [4, 3, 2],
                RecordFilter(pool="chat", result="answered", from_ms=2000): [5, 3],
                RecordFilter(pool="none"): [],
            }
            for wanted, numbers in expected.items():
                found = await records.newest(wanted)
                assert [one.started_ms // 1000 for one in found.records] == numbers, wanted

    async def test_a_cursor_that_we_did_not_make_is_a_bad_cursor(self) -> None:
        async with self.opened() as records:
            for cursor in ("%", "abc", "!!!!", "é"):
                try:
                    await records.newest(RecordFilter(before=cursor))
                except BadCursor:
                    continue
                raise AssertionError(f"{cursor!r} was accepted")

    async def test_a_scan_is_ordered_by_the_snapshot_used_within_its_bounds(self) -> None:
        async with self.opened() as records:
            await records.put([record(n, position=(n * 37) % 100) for n in range(100)])
            whole = [one.snapshot async for one in records.scan()]
            assert whole == [f"g1:{position}" for position in range(100)]
            part = [one.snapshot async for one in records.scan(from_position=10, to_position=12)]
            assert part == ["g1:10", "g1:11", "g1:12"]

    async def test_prune_deletes_what_started_earlier(self) -> None:
        async with self.opened() as records:
            await records.put([record(n) for n in range(10)])
            assert await records.prune(4000) == 4
            assert await records.prune(4000) == 0
            left = await records.newest(RecordFilter())
            assert [one.started_ms for one in left.records] == [n * 1000 for n in reversed(range(4, 10))]


def _at_one_moment(n: int) -> RequestRecord:
    template = record(5)
    return RequestRecord(
        request_id=f"same{n:06d}",
        gateway=template.gateway,
        boot=template.boot,
        seq=n,
        started_ms=5000,
        duration_ms=1,
        pool=template.pool,
        inputs=template.inputs,
        snapshot=template.snapshot,
        engine=template.engine,
        decision=None,
        result=template.result,
    )
