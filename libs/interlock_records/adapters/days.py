"""The days of PostgreSQL's request records: one partition each, made ahead, dropped when over.

Rule: a record falls into its day when there is one and into the rest (`requests_other`) when there is none,
so writing never waits for this upkeep. Only our own days are dropped, by their names. Days are made and
dropped one by one behind one advisory lock, since several processes do it at the same hour. Dropped: deleting
row by row, which costs as much as writing them did and leaves the space to a vacuum.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Executable, text
from sqlalchemy.ext.asyncio import AsyncConnection

DAY_MS: Final = 86_400_000
AHEAD: Final = 7
"""Days made in advance: upkeep may stand still for a week before records fall into the rest."""
LOCK: Final = 0x494C434B_00000004
"""The letters ILCK and a number of its own."""
_NAME: Final = "requests_d%Y%m%d"

PRUNE_OTHER: Final[Executable] = text(
    """
    DELETE FROM requests_other WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM requests_other WHERE started_ms < :before LIMIT :slice
    ))
    """
)
"""One slice of the rest, which has no days to drop."""
_DAYS: Final = text(
    """
    SELECT child.relname FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = 'requests'::regclass AND child.relname ~ '^requests_d[0-9]{8}$'
    ORDER BY 1
    """
)
_RECKONED: Final = text("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass(:name)")
_IN_THE_REST: Final = text(
    "SELECT EXISTS (SELECT FROM requests_other WHERE started_ms >= :start AND started_ms < :end)"
)


def name_of(day: datetime) -> str:
    """The partition of a day."""
    return day.strftime(_NAME)


async def make_days(connection: AsyncConnection, now_ms: int) -> list[str]:
    """Today and the coming days, as far as they are missing; which were made. A day whose records fell into
    the rest already stays there until it is over."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = {name_of(day): day for day in (today + timedelta(days=ahead) for ahead in range(AHEAD + 1))}
    if wanted.keys() <= set(await _days(connection)):
        return []
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    made: list[str] = []
    for name in sorted(wanted.keys() - set(await _days(connection))):
        start = int(wanted[name].timestamp() * 1000)
        bounds = {"start": start, "end": start + DAY_MS}
        if (await connection.execute(_IN_THE_REST, bounds)).scalar_one():
            continue
        await connection.execute(
            text(f"CREATE TABLE {name} PARTITION OF requests FOR VALUES FROM ({start}) TO ({start + DAY_MS})")
        )
        made.append(name)
    return made


async def days_before(connection: AsyncConnection, before_ms: int) -> list[str]:
    """The days that ended by then, oldest first."""
    return [name for name in await _days(connection) if _end_ms(name) <= before_ms]


async def drop_day(connection: AsyncConnection, name: str) -> int:
    """Drop one day; how many records it held, as far as the server has reckoned."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    reckoned = (await connection.execute(_RECKONED, {"name": name})).scalar_one_or_none()
    await connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    return int(reckoned or 0)


async def _days(connection: AsyncConnection) -> list[str]:
    return list((await connection.execute(_DAYS)).scalars())


def _end_ms(name: str) -> int:
    return int(datetime.strptime(name, _NAME).replace(tzinfo=UTC).timestamp() * 1000) + DAY_MS
