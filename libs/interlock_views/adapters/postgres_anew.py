"""Views of a log that was replaced: back to what the new log can still prove.

Rule: a view is a function of the log, so what was folded from records that are in no log any more is taken
away: rows, checkpoints and transitions behind the last position that both logs share. Dead letters stay,
because they are the only copies of their records; their topic gets a name of its own, so that the letters of
the new log find their places free. Dropped: keeping old transitions; their positions would name other events.
"""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.postgres import transaction
from interlock_views.anew import Cut, Furthest

_FURTHEST: Final = text("SELECT coalesce(max(position), 0), coalesce(max(epoch), 0) FROM projection")
_BEGIN: Final = text(
    """
    UPDATE projection SET epoch = epoch + 1, owner = NULL, lease_until = NULL, position = coalesce(
        (SELECT max(checkpoint.position) FROM checkpoint WHERE checkpoint.projection = projection.name), 0
    )
    """
)
_ASIDE: Final = text(
    """
    UPDATE dead_letter SET topic = topic || '@g' || :generation
    WHERE topic = :topic AND log_offset >= :valid
    """
)
_TRANSITIONS: Final = text("DELETE FROM transition WHERE position > :valid")


class Anew:
    """Over the tables of all projections; raises PostgresError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def furthest(self) -> Furthest:
        """How far the database knows that anybody came."""
        async with transaction(self._engine) as connection:
            position, epoch = (await connection.execute(_FURTHEST)).one()
        return Furthest(position=position, epoch=epoch)

    async def cut(self, valid: int, *, topic: str, generation: int) -> Cut:
        """Take away what was folded behind `valid`, and fence off whoever owns a projection."""
        at = {"valid": valid}
        async with transaction(self._engine) as connection:
            await connection.execute(text("DELETE FROM view"))
            await connection.execute(text("DELETE FROM checkpoint WHERE position > :valid"), at)
            await connection.execute(text("UPDATE pointer SET since = least(since, :valid)"), at)
            await connection.execute(_BEGIN)
            await connection.execute(_ASIDE, at | {"topic": topic, "generation": str(generation)})
            gone = (await connection.execute(_TRANSITIONS, at)).rowcount
            position, _ = (await connection.execute(_FURTHEST)).one()
        return Cut(position=position, transitions=gone)
