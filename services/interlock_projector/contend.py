"""A projector of a cluster: stands by, owns the projection while it holds the lease, and stands by again.

Rule: whatever ends an ownership (a successor, a halt, a store that is away) ends with nothing kept in memory
and the lease given back, and never ends the process. While the lease is held another task renews it; what
really guards the views is the epoch in each write, so a renewal that comes too late costs nothing but the
ownership. Dropped: leaving the process when fenced; an orchestrator's back-off would then decide how long
the cluster has no standby.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import Struct

from interlock_eventlog.log import UnreadableDecision
from interlock_projector.clock import Clock
from interlock_projector.followed import FollowedLog
from interlock_projector.halt import Halt, HaltReason, bug, undecodable
from interlock_projector.run import Projector
from interlock_projector.standby import Standby, StandbyViews
from interlock_runtime.trouble import Trouble
from interlock_views.lease import Lease, Leases
from interlock_views.live import ProjectionStatus

STOP_S: Final = 5.0
"""To fold to the head and save a last checkpoint at the end: what is left undone, the successor does."""
RELEASE_S: Final = 5.0
"""To give the lease back; it runs out by itself."""
REST_S: Final = (2.0, 5.0, 15.0, 60.0)
"""After halts that trying again does not repair at once: another standby gets its turn."""
BACK_OFF_S: Final = (0.5, 1.0, 2.0, 4.0)
"""While Kafka or PostgreSQL are away: their outages last seconds, and a try costs them next to nothing."""

_log = logging.getLogger(__name__)


class LeaseTimes(Struct, frozen=True, kw_only=True):
    """How a lease is held."""

    ttl_s: float = 3.0
    """How long a dead owner is missed: as long as a commit of the feed counts as fresh (safety.md)."""
    renew_s: float = 1.0
    """Two renewals may get lost."""
    try_s: float = 0.5
    """Between two tries of a standby, and how far it lags behind the views."""


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """What one ownership runs: the projector, and what goes on beside it until it ends."""

    projector: Projector
    chores: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What all ownerships of a process share. `owns` builds the next one; `away` means: try again.

    With `in_force` the process goes by the pointer: it takes part in whichever projection that names.
    """

    projection: str
    owner: str
    log: FollowedLog
    views: StandbyViews
    leases: Leases
    clock: Clock
    owns: Callable[[Lease], Awaitable[Ownership]]
    away: tuple[type[Exception], ...]
    times: LeaseTimes = field(default_factory=LeaseTimes)
    in_force: Callable[[], Awaitable[str]] | None = None


class ClusterProjector:
    """Any number of processes run one; `run` until `stop`."""

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._name = contest.projection
        self._stopping = asyncio.Event()
        self._standby = self._new_standby()
        self._owning: Projector | None = None
        self._epoch = 0
        self._failed = self._halts = 0
        self._halt: Halt | None = None
        self._away: str | None = None
        self._warm = False
        self._trouble = Trouble(_log, "projecting", monotonic=contest.clock.monotonic)

    async def run(self) -> None:
        """Until `stop`; nothing that can happen outside ends it."""
        while not self._stopping.is_set():
            try:
                await self._turn()
            except self._contest.away as error:
                await self._back_off(error)
            except UnreadableDecision as error:
                halt = undecodable(self._name, str(error))
                _log.error("%s", halt.sentence)
                await self._rest(halt)
            except Exception as error:  # noqa: BLE001  a standby that is gone helps nobody; it is told and rests
                _log.exception("projecting failed and begins again")
                await self._rest(bug(self._name, error))

    def stop(self) -> None:
        """Give the projection up, after a last checkpoint, and end `run`."""
        self._stopping.set()

    @property
    def owning(self) -> bool:
        """This process writes."""
        return self._owning is not None

    @property
    def ready(self) -> bool:
        """It owns the projection without a halt, or could take it over at once."""
        status = self.status()
        return status.halted is None and status.trouble is None and (self.owning or self._warm)

    def status(self) -> ProjectionStatus:
        """How far it has come, as owner or as standby."""
        if self._owning is not None:
            return self._owning.status()
        return ProjectionStatus(
            name=self._name,
            generation=0,
            epoch=self._epoch,
            position=self._standby.position,
            halted=None if self._halt is None else self._halt.sentence,
            trouble=self._away,
        )

    async def _turn(self) -> None:
        """One look as a standby; when the lease is free, one ownership."""
        contest = self._contest
        await self._look_at_pointer()
        await self._standby.follow()
        self._warm = True
        lease = await contest.leases.acquire(self._name, contest.owner, contest.times.ttl_s)
        if lease is None:
            self._works_again()
            await self._pause(contest.times.try_s)
            return
        halt = await self._own(lease)
        if halt is not None:
            await self._rest(halt)

    async def _named(self) -> str:
        """The projection that this process is to take part in."""
        return self._name if self._contest.in_force is None else await self._contest.in_force()

    async def _look_at_pointer(self) -> None:
        name = await self._named()
        if name != self._name:
            _log.info("projection %s is in force now, and no longer %s", name, self._name)
            self._name, self._warm, self._halt = name, False, None
            self._standby = self._new_standby()

    async def _own(self, lease: Lease) -> Halt | None:
        self._epoch = lease.epoch
        begun = self._contest.clock.monotonic()
        try:
            if await self._named() != self._name:  # the pointer moved between the look at it and the lease
                return None
            own = await self._contest.owns(lease)
            async with _meanwhile(self._renew(lease, own.projector)):
                self._owning = own.projector
                return await self._project(own, lease)
        finally:
            self._owning = None
            self._warm = False
            if self._contest.clock.monotonic() - begun > REST_S[-1]:
                self._halts = 0
            self._standby = self._new_standby()
            await self._release(lease)

    async def _project(self, own: Ownership, lease: Lease) -> Halt | None:
        projector, warm = own.projector, self._standby.hand_over()
        starting = asyncio.create_task(projector.start(epoch=lease.epoch, warm=warm))
        if not await self._unless_stopped(starting):
            return None
        if starting.result() is not None:
            return starting.result()
        self._halt = None
        _log.info("this process owns projection %s under epoch %d", lease.projection, lease.epoch)
        self._works_again()  # not at the lease: with the log away each try would say so
        async with _meanwhile(*(chore() for chore in own.chores)):
            running = asyncio.create_task(projector.run())
            if await self._unless_stopped(running, projector.stop):
                return running.result()
        return None

    async def _unless_stopped(
        self, task: asyncio.Task[Any], stop: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """True when the task came to its own end; else `stop` got its time, and the task is gone."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return True
            if stop is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop(), STOP_S)
            return False
        finally:
            task.cancel()
            stopping.cancel()
            await asyncio.gather(task, stopping, return_exceptions=True)

    async def _renew(self, lease: Lease, projector: Projector) -> None:
        times = self._contest.times
        failed = False
        while True:
            await asyncio.sleep(times.renew_s)
            try:
                held = await self._contest.leases.renew(lease, times.ttl_s)
            except self._contest.away as error:
                failed = True
                self._trouble.is_on(error)
                continue
            if failed:  # else the trouble is another one, with the log
                failed = False
                self._trouble.is_over()
            if not held:
                projector.fence(lease.epoch)
                return

    async def _release(self, lease: Lease) -> None:
        with contextlib.suppress(TimeoutError, *self._contest.away):
            async with asyncio.timeout(RELEASE_S):
                await self._contest.leases.release(lease)

    async def _rest(self, halt: Halt) -> None:
        """Stand by again: at once when another process took over, else after a while."""
        if halt.reason is HaltReason.FENCED:
            return
        self._halt, self._warm = halt, False
        await self._pause(REST_S[min(self._halts, len(REST_S) - 1)])
        self._halts += 1

    async def _back_off(self, error: Exception) -> None:
        self._trouble.is_on(error)
        self._away, self._warm = str(error), False
        await self._pause(BACK_OFF_S[min(self._failed, len(BACK_OFF_S) - 1)])
        self._failed += 1

    def _works_again(self) -> None:
        self._trouble.is_over()
        self._away, self._failed = None, 0

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _new_standby(self) -> Standby:
        contest = self._contest
        return Standby(contest.log, contest.views, contest.clock, projection=self._name)


@contextlib.asynccontextmanager
async def _meanwhile(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """These go on for as long as the body does."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, Exception):
                _log.error("a task of the projector had failed", exc_info=found)
