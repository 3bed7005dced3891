"""What every keeper of leases must do. Time is given by the adapter's test: `pass_s` lets a lease run out."""

from contextlib import AbstractAsyncContextManager

from interlock_views.lease import Leases

NAME = "routing-v1"
TTL_S = 30.0
"""Longer than any test: nothing runs out unless a test lets it."""


class LeasesContract:
    """Subclass it as Test.. and give `opened` and `run_out`."""

    def opened(self) -> AbstractAsyncContextManager[Leases]:
        """A new keeper that nobody has asked yet."""
        raise NotImplementedError

    async def run_out(self, leases: Leases) -> None:
        """Let so much time pass that the lease of NAME is over."""
        raise NotImplementedError

    async def test_the_first_who_asks_gets_it_and_nobody_else_while_it_lasts(self) -> None:
        async with self.opened() as leases:
            held = await leases.acquire(NAME, "a", TTL_S)
            assert held is not None
            assert (held.projection, held.owner) == (NAME, "a")
            assert await leases.acquire(NAME, "b", TTL_S) is None
            assert await leases.acquire(NAME, "a", TTL_S) is None

    async def test_projections_are_held_apart(self) -> None:
        async with self.opened() as leases:
            assert await leases.acquire(NAME, "a", TTL_S) is not None
            assert await leases.acquire("other", "b", TTL_S) is not None

    async def test_given_a_lease_that_ran_out_then_the_next_gets_a_higher_epoch(self) -> None:
        async with self.opened() as leases:
            former = await leases.acquire(NAME, "a", TTL_S)
            await self.run_out(leases)
            later = await leases.acquire(NAME, "b", TTL_S)
            assert former is not None
            assert later is not None
            assert later.epoch > former.epoch

    async def test_given_a_take_over_then_the_former_owner_can_neither_renew_nor_release(self) -> None:
        async with self.opened() as leases:
            former = await leases.acquire(NAME, "a", TTL_S)
            await self.run_out(leases)
            later = await leases.acquire(NAME, "b", TTL_S)
            assert former is not None
            assert later is not None
            assert not await leases.renew(former, TTL_S)
            await leases.release(former)
            assert await leases.acquire(NAME, "c", TTL_S) is None
            assert await leases.renew(later, TTL_S)

    async def test_a_lease_that_ran_out_untaken_can_be_renewed(self) -> None:
        async with self.opened() as leases:
            held = await leases.acquire(NAME, "a", TTL_S)
            await self.run_out(leases)
            assert held is not None
            assert await leases.renew(held, TTL_S)
            assert await leases.acquire(NAME, "b", TTL_S) is None

    async def test_a_released_lease_is_free_at_once_and_cannot_be_renewed(self) -> None:
        async with self.opened() as leases:
            held = await leases.acquire(NAME, "a", TTL_S)
            assert held is not None
            await leases.release(held)
            assert not await leases.renew(held, TTL_S)
            later = await leases.acquire(NAME, "b", TTL_S)
            assert later is not None
            assert later.epoch > held.epoch
            await leases.release(held)
            assert await leases.acquire(NAME, "c", TTL_S) is None
