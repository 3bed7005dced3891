"""A projector over stores, and views that look after each commit whether rows equal the fold."""

from collections.abc import Sequence

from interlock_control.commands import Accepted, Asked, CommandHandler
from interlock_control.decisions import LogDecisions
from interlock_domain.catalog.commands import Command
from interlock_domain.projection.effects import Effect
from interlock_domain.projection.rows import all_rows
from interlock_eventlog.log import EventLog
from interlock_feed.feed import FeedReader, FeedUpdate
from interlock_projector.clock import SystemClock
from interlock_projector.publish import Feed
from interlock_projector.run import Projector
from interlock_views.views import Checkpoint, ViewCommit, Views, ViewTable
from tests.services.facts import apply_config
from tests.services.stores import Stores, folded

NAME = "routing-1"


class WatchedViews:
    """Views that fold the log anew after each commit and compare; `barriers` are the positions seen."""

    def __init__(self, views: Views, log: EventLog) -> None:
        self._views = views
        self._log = log
        self.barriers: list[int] = []

    async def claim(self, projection: str) -> int:
        return await self._views.claim(projection)

    async def load(self, projection: str) -> ViewTable:
        return await self._views.load(projection)

    async def commit(self, step: ViewCommit) -> bool:
        done = await self._views.commit(step)
        if done:
            table = await self._views.load(step.projection)
            state = await folded(self._log, to=step.position)
            assert state.position == step.position, "a commit stands inside a batch"
            assert table.rows == all_rows(state)
            self.barriers.append(step.position)
        return done

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        await self._views.save_checkpoint(checkpoint)

    async def checkpoint(self, projection: str, *, at_or_before: int | None = None) -> Checkpoint | None:
        return await self._views.checkpoint(projection, at_or_before=at_or_before)

    async def transitions(
        self, *, subject: str | None = None, after: int = 0, limit: int = 500, newest: bool = False
    ) -> Sequence[Effect]:
        return await self._views.transitions(subject=subject, after=after, limit=limit, newest=newest)


def projector(stores: Stores, *, views: Views | None = None, feed: Feed | None = None) -> Projector:
    """A projector of the routing projection."""
    return Projector(
        stores.log, views or stores.views, feed or stores.feed, clock=SystemClock(), projection=NAME
    )


async def declare(stores: Stores, command: Command | None = None) -> int:
    """Append what a command decides; the position."""
    name = f"decision-{await stores.log.head()}"
    handler = CommandHandler(LogDecisions(stores.log), lambda: name)
    answer = await handler.handle(command or apply_config(), Asked(actor="alice"))
    assert isinstance(answer, Accepted), answer
    assert not answer.repeated
    return answer.position


async def published(feed: FeedReader) -> FeedUpdate:
    """What a new reader gets."""
    return await anext(feed.tail())
