"""The journal's statements, and its rows.

Rule: one question and one insert for an append, however many events and streams it has: each round trip
holds the lock that every other writer waits for. Values travel as arrays, so a statement is prepared once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import TextClause, text

from interlock_eventlog.codec import Codec
from interlock_eventlog.journal import PublishedAt
from interlock_eventlog.placing import Place, Placed
from interlock_eventlog.queries import EventFilter

APPEND_LOCK: Final = 0x494C434B_00000002
"""The advisory lock of appends: the letters ILCK, then a number of our own. Not a lock on the table, because
the relay's notes and a vacuum need not wait for it."""

APPENDED: Final = "interlock_appended"
"""Channel: the journal has new entries."""

PUBLISHED: Final = "interlock_published"
"""Channel: the relay noted places in the log."""

LOCK: Final = text(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})")

STAND: Final = text(
    """
    SELECT coalesce(max(position), 0) AS position, NULL AS stream, 0 AS version, NULL AS id FROM journal
    UNION ALL
    SELECT 0, wanted.stream, coalesce((
        SELECT max(journal.version) FROM journal WHERE journal.stream = wanted.stream
    ), 0), NULL FROM unnest(CAST(:streams AS text[])) AS wanted (stream)
    UNION ALL
    SELECT position, stream, version, id FROM journal WHERE id = ANY (CAST(:ids AS text[]))
    """
)
"""Where the journal ends, the versions of some streams, the places of some ids."""

INSERT: Final = text(
    f"""
    WITH inserted AS (
        INSERT INTO journal (position, stream, version, id, type, body, recorded_ms)
        SELECT entry.*, coalesce(
            CAST(:now AS bigint), CAST(floor(extract(epoch FROM clock.moment) * 1000) AS bigint)
        )
        FROM unnest(
            CAST(:positions AS bigint[]), CAST(:streams AS text[]), CAST(:versions AS integer[]),
            CAST(:ids AS text[]), CAST(:types AS text[]), CAST(:bodies AS bytea[])
        ) AS entry, (SELECT statement_timestamp() AS moment) AS clock
    )
    SELECT pg_notify('{APPENDED}', '')
    """
)

READ: Final = text(
    """
    SELECT position, recorded_ms, version, body FROM journal
    WHERE position > :after ORDER BY position LIMIT :limit
    """
)

READ_STREAM: Final = text(
    """
    SELECT position, recorded_ms, version, body FROM journal
    WHERE position > :after AND stream = :stream ORDER BY position LIMIT :limit
    """
)

HEAD: Final = text("SELECT coalesce(max(position), 0) FROM journal")

PLACES: Final = text(
    """
    SELECT position, log_position FROM journal
    WHERE position = ANY (CAST(:positions AS bigint[])) AND log_position IS NOT NULL
    """
)

UNPUBLISHED: Final = text(
    """
    SELECT position, stream, version, id, type, body FROM journal
    WHERE log_position IS NULL ORDER BY position LIMIT :limit
    """
)

NOTE: Final = text(
    f"""
    WITH noted AS (
        UPDATE journal SET
            log_generation = :generation, log_position = place.log_position, log_ms = place.log_ms
        FROM unnest(
            CAST(:positions AS bigint[]), CAST(:log_positions AS bigint[]), CAST(:log_ms AS bigint[])
        ) AS place (position, log_position, log_ms)
        WHERE journal.position = place.position AND journal.log_position IS NULL
    )
    SELECT set_config('synchronous_commit', 'off', true), pg_notify('{PUBLISHED}', '')
    """
)
"""Not synced: a note that a crash takes means one more copy in the log, which every fold skips. The first
place stays: that copy is the one that readers folded."""

FORGET: Final = text(
    f"""
    WITH forgotten AS (
        UPDATE journal SET log_generation = NULL, log_position = NULL, log_ms = NULL
        WHERE log_position IS NOT NULL AND position >= (
            SELECT position FROM journal WHERE stream = :stream AND version = :version
        )
        RETURNING 1
    )
    SELECT count(*), pg_notify('{APPENDED}', '') FROM forgotten
    """
)


class Stand(Struct):
    """What an append is judged by; goes on with what the same transaction adds."""

    position: int
    versions: dict[str, int]
    places: dict[str, Place]

    def add(self, placed: Sequence[Placed], versions: Mapping[str, int]) -> int:
        """Note what was placed; the position of the first."""
        first = self.position + 1
        for one in placed:
            self.position += 1
            self.places[one.new.id] = Place(self.position, one.stream, one.version)
        self.versions.update(versions)
        return first


def stand_of(rows: Sequence[Any]) -> Stand:
    """The answer to STAND."""
    stand = Stand(position=0, versions={}, places={})
    for position, stream, version, event in rows:
        if event is not None:
            stand.places[event] = Place(position, stream, version)
        elif stream is not None:
            stand.versions[stream] = version
        else:
            stand.position = position
    return stand


class Entries:
    """The columns of INSERT, filled row by row."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.columns: dict[str, list[Any]] = {
            name: [] for name in ("positions", "streams", "versions", "ids", "types", "bodies")
        }

    def add(self, first: int, placed: Sequence[Placed]) -> None:
        """Entries from position `first` on."""
        columns = self.columns
        bodies = [self._codec.encode(one.new, one.stream, one.version, one.batch) for one in placed]
        columns["positions"] += range(first, first + len(placed))
        columns["streams"] += [one.stream for one in placed]
        columns["versions"] += [one.version for one in placed]
        columns["ids"] += [one.new.id for one in placed]
        columns["types"] += [type(one.new.event).__name__ for one in placed]
        columns["bodies"] += bodies


def notes(places: Sequence[PublishedAt], generation: int) -> dict[str, Any]:
    """The values of NOTE."""
    return {
        "generation": generation,
        "positions": [place.position for place in places],
        "log_positions": [place.log_position for place in places],
        "log_ms": [place.log_ms for place in places],
    }


def query(wanted: EventFilter) -> tuple[TextClause, dict[str, Any]]:
    """The statement and values of a filter. What a decision is about is its stream (`subject_of`)."""
    conditions: dict[str, tuple[str, Any]] = {
        "stream": ("stream = :stream", wanted.stream),
        "subject": ("stream = :subject", wanted.subject),
        "type": ("type = :type", wanted.type),
        "from_position": ("position >= :from_position", wanted.from_position),
        "to_position": ("position <= :to_position", wanted.to_position),
        "from_ms": ("recorded_ms >= :from_ms", wanted.from_ms),
        "to_ms": ("recorded_ms <= :to_ms", wanted.to_ms),
        "after": ("position < :after" if wanted.newest else "position > :after", wanted.after or None),
    }
    used = {name: one for name, one in conditions.items() if one[1] is not None}
    where = " AND ".join(condition for condition, _ in used.values()) or "TRUE"
    order = "DESC" if wanted.newest else "ASC"
    sql = (
        f"SELECT position, recorded_ms, stream, type, body FROM journal WHERE {where} "
        f"ORDER BY position {order} LIMIT :limit"
    )
    return text(sql), {name: value for name, (_, value) in used.items()} | {"limit": wanted.limit}
