"""What every store of things to be told must do. The adapter's test writes them by `given`."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from interlock_views.outgoing import Outgoing

FIRST = "routing-1"
SECOND = "routing-2"
POSITIONS = (3, 4, 7)


class OutgoingContract:
    """Subclass it as Test.. and give `opened`, `given`, `position_of`, `promoted` and `replaced`."""

    def opened(self) -> AbstractAsyncContextManager[Outgoing[Any]]:
        """A new, empty store."""
        raise NotImplementedError

    async def given(self, projection: str, positions: Sequence[int]) -> int:
        """Let the projection's next owner write one thing at each position; its epoch."""
        raise NotImplementedError

    def position_of(self, one: Any) -> int:
        """Where in the log it belongs."""
        raise NotImplementedError

    async def promoted(self, projection: str, *, instead_of: str) -> None:
        """Move the pointer."""
        raise NotImplementedError

    async def replaced(self, projection: str) -> int:
        """Another owner takes the projection; its epoch."""
        raise NotImplementedError

    async def positions(self, outgoing: Outgoing[Any], projection: str, limit: int = 10) -> list[int]:
        """Of what is untold."""
        return [self.position_of(one) for one in await outgoing.untold(projection, limit)]

    async def test_what_was_written_is_untold_in_log_order_until_it_was_told(self) -> None:
        async with self.opened() as outgoing:
            epoch = await self.given(FIRST, POSITIONS)
            assert await self.positions(outgoing, FIRST) == [3, 4, 7]
            first = await outgoing.untold(FIRST, 2)
            assert [self.position_of(one) for one in first] == [3, 4]
            assert await outgoing.told(FIRST, epoch, first)
            assert await self.positions(outgoing, FIRST) == [7]

    async def test_a_former_owner_notes_nothing(self) -> None:
        async with self.opened() as outgoing:
            former = await self.given(FIRST, POSITIONS)
            found = await outgoing.untold(FIRST, 10)
            later = await self.replaced(FIRST)
            assert not await outgoing.told(FIRST, former, found)
            assert await self.positions(outgoing, FIRST) == [3, 4, 7]
            assert await outgoing.told(FIRST, later, found)
            assert await self.positions(outgoing, FIRST) == []

    async def test_a_projection_that_is_not_in_force_tells_nothing(self) -> None:
        async with self.opened() as outgoing:
            await self.given(SECOND, POSITIONS)
            assert await self.positions(outgoing, SECOND) == []

    async def test_a_promoted_projection_goes_on_where_the_one_before_it_had_got_to(self) -> None:
        async with self.opened() as outgoing:
            epoch = await self.given(FIRST, POSITIONS)
            await self.given(SECOND, POSITIONS)
            assert await outgoing.told(FIRST, epoch, await outgoing.untold(FIRST, 2))
            await self.promoted(SECOND, instead_of=FIRST)
            assert await self.positions(outgoing, FIRST) == []
            assert await self.positions(outgoing, SECOND) == [7]

    async def test_a_rollback_repeats_nothing_that_either_has_told(self) -> None:
        async with self.opened() as outgoing:
            epoch = await self.given(FIRST, POSITIONS)
            await self.given(SECOND, (*POSITIONS, 9))
            assert await outgoing.told(FIRST, epoch, await outgoing.untold(FIRST, 10))
            await self.promoted(SECOND, instead_of=FIRST)
            assert await self.positions(outgoing, SECOND) == [9]
            later = await self.replaced(SECOND)
            assert await outgoing.told(SECOND, later, await outgoing.untold(SECOND, 10))
            await self.promoted(FIRST, instead_of=SECOND)
            await self.given(FIRST, (9, 12))
            assert await self.positions(outgoing, FIRST) == [12]
