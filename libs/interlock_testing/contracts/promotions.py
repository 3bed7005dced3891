"""What every keeper of the pointer must do. The adapter's test makes owners by `owned`."""

from contextlib import AbstractAsyncContextManager

from interlock_views.promotion import Comparison, Promotions

FIRST = "routing-1"
SECOND = "routing-2"
EQUAL = Comparison(against=FIRST, position=7, rows=2, differing=0)


class PromotionsContract:
    """Subclass it as Test.. and give `opened` and `owned`."""

    def opened(self) -> AbstractAsyncContextManager[Promotions]:
        """A new keeper; nobody owns anything."""
        raise NotImplementedError

    async def owned(self, projection: str, *, position: int = 7) -> int:
        """Somebody takes the projection and commits up to there; the epoch."""
        raise NotImplementedError

    async def still_owned(self, projection: str, epoch: int) -> bool:
        """Whether that owner could commit now."""
        raise NotImplementedError

    async def test_the_first_projection_is_in_force_until_somebody_moves_the_pointer(self) -> None:
        async with self.opened() as promotions:
            assert await promotions.in_force() == FIRST
            assert await promotions.standings() == []
            await self.owned(SECOND)
            await self.owned(FIRST)
            found = await promotions.standings()
            assert [(one.name, one.in_force, one.before) for one in found] == [
                (FIRST, True, False),
                (SECOND, False, False),
            ]

    async def test_a_move_fences_both_owners_and_gives_the_new_one_the_highest_epoch(self) -> None:
        async with self.opened() as promotions:
            old = [await self.owned(FIRST) for _ in range(3)][-1]
            new = await self.owned(SECOND)
            assert await promotions.point_at(SECOND, instead_of=FIRST)
            assert await promotions.in_force() == SECOND
            assert not await self.still_owned(FIRST, old)
            assert not await self.still_owned(SECOND, new)
            second, first = await promotions.standings()
            assert (second.name, second.before, first.before) == (SECOND, False, True)
            assert second.owner is None
            assert second.epoch > max(old, new, first.epoch)

    async def test_a_move_back_is_the_same_move(self) -> None:
        async with self.opened() as promotions:
            for name in (FIRST, SECOND):
                await self.owned(name)
            assert await promotions.point_at(SECOND, instead_of=FIRST)
            before = (await promotions.standings())[0].epoch
            assert await promotions.point_at(FIRST, instead_of=SECOND)
            first, second = await promotions.standings()
            assert (first.name, first.in_force, second.before) == (FIRST, True, True)
            assert first.epoch > max(before, second.epoch)

    async def test_given_a_pointer_that_moved_meanwhile_then_nothing_changes(self) -> None:
        async with self.opened() as promotions:
            for name in (FIRST, SECOND):
                await self.owned(name)
            assert not await promotions.point_at(FIRST, instead_of=SECOND)
            assert await promotions.in_force() == FIRST

    async def test_a_projection_that_nobody_ever_owned_cannot_be_in_force(self) -> None:
        async with self.opened() as promotions:
            epoch = await self.owned(FIRST)
            assert not await promotions.point_at(SECOND, instead_of=FIRST)
            assert await promotions.in_force() == FIRST
            assert await self.still_owned(FIRST, epoch)

    async def test_a_comparison_is_kept_for_the_owner_and_forgotten_by_a_promotion(self) -> None:
        async with self.opened() as promotions:
            await self.owned(FIRST)
            former, later = await self.owned(SECOND), await self.owned(SECOND)
            assert not await promotions.note(SECOND, former, EQUAL)
            assert await promotions.note(SECOND, later, EQUAL)
            assert (await promotions.standings())[1].compared == EQUAL
            assert await promotions.point_at(SECOND, instead_of=FIRST)
            assert {one.compared for one in await promotions.standings()} == {None}
