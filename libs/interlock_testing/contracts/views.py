"""What every view store must do."""

from contextlib import AbstractAsyncContextManager

from interlock_testing.contracts.samples import effect
from interlock_views.thinning import DAY_MS
from interlock_views.views import Checkpoint, ViewCommit, Views, ViewTable

NAME = "routing-1"
"""The one in force where nobody has said anything else: readers see its transitions."""


def step(epoch: int, expected: int, position: int, **rows: bytes | None) -> ViewCommit:
    """A commit of rows without effects."""
    return ViewCommit(
        projection=NAME, epoch=epoch, expected_position=expected, position=position, rows=dict(rows)
    )


def saved(position: int, recorded_ms: int = 0) -> Checkpoint:
    """A checkpoint that can be told from others by its position."""
    return Checkpoint(
        projection=NAME,
        schema=3,
        position=position,
        recorded_ms=recorded_ms,
        digest=f"d{position}",
        state=str(position).encode(),
    )


class ViewsContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self) -> AbstractAsyncContextManager[Views]:
        """A new, empty store that is closed on leaving."""
        raise NotImplementedError

    async def test_a_projection_that_nobody_wrote_stands_at_zero(self) -> None:
        async with self.opened() as views:
            assert await views.load(NAME) == ViewTable()
            assert await views.checkpoint(NAME) is None
            assert list(await views.transitions()) == []

    async def test_each_claim_is_a_higher_epoch_of_its_own_projection(self) -> None:
        async with self.opened() as views:
            epochs = [await views.claim(NAME) for _ in range(3)]
            assert epochs == sorted(set(epochs))
            assert await views.claim("other") <= epochs[0]

    async def test_rows_position_and_effects_move_together(self) -> None:
        async with self.opened() as views:
            epoch = await views.claim(NAME)
            assert await views.commit(step(epoch, 0, 5, a=b"1", b=b"1"))
            told = ViewCommit(
                projection=NAME,
                epoch=epoch,
                expected_position=5,
                position=7,
                rows={"a": None, "b": b"2", "missing": None},
                effects=(effect(6), effect(7)),
            )
            assert await views.commit(told)
            assert await views.load(NAME) == ViewTable(position=7, rows={"b": b"2"})
            assert list(await views.transitions()) == [effect(6), effect(7)]
            assert await views.load("other") == ViewTable()

    async def test_given_a_moved_position_when_committed_then_false_and_nothing_changed(self) -> None:
        async with self.opened() as views:
            epoch = await views.claim(NAME)
            await views.commit(step(epoch, 0, 5, a=b"1"))
            for expected in (0, 4, 6):
                assert not await views.commit(step(epoch, expected, 9, a=b"wrong", b=b"wrong"))
            assert await views.load(NAME) == ViewTable(position=5, rows={"a": b"1"})

    async def test_given_a_later_owner_then_the_former_one_can_write_nothing(self) -> None:
        async with self.opened() as views:
            former = await views.claim(NAME)
            await views.commit(step(former, 0, 5, a=b"1"))
            later = await views.claim(NAME)
            zombie = ViewCommit(
                projection=NAME,
                epoch=former,
                expected_position=5,
                position=6,
                rows={"a": b"zombie"},
                effects=(effect(6),),
            )
            assert not await views.commit(zombie)
            assert list(await views.transitions()) == []
            assert await views.commit(step(later, 5, 6, a=b"2"))
            assert await views.load(NAME) == ViewTable(position=6, rows={"a": b"2"})

    async def test_a_commit_without_a_claim_is_refused(self) -> None:
        async with self.opened() as views:
            assert not await views.commit(step(1, 0, 1, a=b"1"))
            assert await views.load(NAME) == ViewTable()

    async def test_the_checkpoint_is_the_newest_or_the_newest_by_a_position(self) -> None:
        async with self.opened() as views:
            for position in (10, 30, 20):
                await views.save_checkpoint(saved(position))
            found = [await views.checkpoint(NAME, at_or_before=at) for at in (None, 9, 10, 29, 99)]
            assert found == [saved(30), None, saved(10), saved(20), saved(30)]
            assert await views.checkpoint("other") is None

    async def test_a_checkpoint_of_the_same_position_replaces_the_earlier(self) -> None:
        async with self.opened() as views:
            await views.save_checkpoint(saved(10))
            await views.save_checkpoint(saved(10, recorded_ms=77))
            assert await views.checkpoint(NAME) == saved(10, recorded_ms=77)

    async def test_old_checkpoints_are_thinned_to_the_newest_and_one_a_day(self) -> None:
        async with self.opened() as views:
            for hour in range(20 * 24):
                await views.save_checkpoint(saved(hour + 1, recorded_ms=hour * DAY_MS // 24))
            oldest = await views.checkpoint(NAME, at_or_before=24 * 5)
            assert oldest == saved(24 * 4 + 1, recorded_ms=4 * DAY_MS)
            assert await views.checkpoint(NAME, at_or_before=24 * 4) is None
            for back in range(20):
                newest = await views.checkpoint(NAME, at_or_before=20 * 24 - back)
                assert newest is not None
                assert newest.position == 20 * 24 - back

    async def test_transitions_can_be_read_by_subject_and_in_pages_both_ways(self) -> None:
        async with self.opened() as views:
            epoch = await views.claim(NAME)
            told = [effect(p, n, subject=f"target/{'ab'[n]}") for p in range(1, 6) for n in range(2)]
            await views.commit(
                ViewCommit(
                    projection=NAME,
                    epoch=epoch,
                    expected_position=0,
                    position=9,
                    rows={},
                    effects=tuple(told),
                )
            )
            of_a = [one for one in told if one.subject == "target/a"]
            assert list(await views.transitions()) == told
            assert list(await views.transitions(newest=True)) == told[::-1]
            assert list(await views.transitions(subject="target/a")) == of_a
            assert list(await views.transitions(subject="target/a", newest=True, limit=2)) == of_a[:2:-1]
            assert list(await views.transitions(after=2, limit=2)) == told[4:6]
            assert list(await views.transitions(after=4, limit=2, newest=True)) == told[5:3:-1]

    async def test_a_page_of_transitions_never_splits_a_position(self) -> None:
        async with self.opened() as views:
            epoch = await views.claim(NAME)
            told = tuple(effect(p, n) for p in (1, 2) for n in range(3))
            await views.commit(
                ViewCommit(
                    projection=NAME, epoch=epoch, expected_position=0, position=2, rows={}, effects=told
                )
            )
            assert list(await views.transitions(limit=1)) == list(told[:3])
            assert list(await views.transitions(limit=4)) == list(told)
            assert list(await views.transitions(limit=1, newest=True)) == list(told[:2:-1])
            assert list(await views.transitions(after=1, limit=50)) == list(told[3:])
