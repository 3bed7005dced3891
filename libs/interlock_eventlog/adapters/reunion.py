"""Journal and log brought to one history after one of them was restored or replaced.

Rule: the journal's last note is the witness: where it says that a decision stands, the log either holds that
decision or is another log. The same log is read from there on and gives back what the journal lost; of
another log everything is read, and from the first decision that it lacks the journal is published again.
Nobody may publish meanwhile: the caller holds the relay's lock. Each call may be made again without harm.

Dropped: reading the whole log each time, two weeks of facts to find the decisions of ten minutes.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from interlock_eventlog.adapters.journal_rows import LOCK, STAND, Stand, stand_of
from interlock_eventlog.adapters.relay import SOURCE
from interlock_eventlog.envelope import Envelope
from interlock_eventlog.reunion import Agreement, Decided, Reunited, TakenBack, first_copies, take_back
from interlock_runtime.kafka.reader import Record, TopicReader, Unreachable
from interlock_runtime.postgres import transaction

PAGE: Final = 5_000
"""Records a fetch: some megabytes, most of them facts that one look at their headers drops."""
POLL_S: Final = 0.5
MOST_WAITS: Final = 60
"""Half a minute in which a broker that said where its topic ends gives no record before it."""

_LAST: Final = text(
    """
    SELECT id, log_position FROM journal
    WHERE log_position IS NOT NULL ORDER BY log_position DESC LIMIT 1
    """
)
_ENTRIES: Final = text("SELECT position, id, log_position, body FROM journal ORDER BY position")
_TAKE: Final = text(
    """
    INSERT INTO journal (position, stream, version, id, type, body, recorded_ms)
    SELECT * FROM unnest(
        CAST(:positions AS bigint[]), CAST(:streams AS text[]), CAST(:versions AS integer[]),
        CAST(:ids AS text[]), CAST(:types AS text[]), CAST(:bodies AS bytea[]), CAST(:times AS bigint[])
    )
    """
)
_NOTE: Final = text(
    """
    UPDATE journal SET
        log_generation = :generation, log_position = place.log_position, log_ms = place.log_ms
    FROM unnest(CAST(:ids AS text[]), CAST(:log_positions AS bigint[]), CAST(:times AS bigint[]))
        AS place (id, log_position, log_ms)
    WHERE journal.id = place.id AND journal.log_position IS DISTINCT FROM place.log_position
    """
)
_FORGET: Final = text(
    """
    UPDATE journal SET log_generation = NULL, log_position = NULL, log_ms = NULL WHERE position >= :position
    """
)

_envelopes: Final = msgspec.json.Decoder(Envelope)


class Reunion:
    """Over the table `journal` and a reader of the events topic; raises PostgresError and Unreachable."""

    def __init__(self, engine: AsyncEngine, reader: TopicReader) -> None:
        self._engine = engine
        self._reader = reader

    async def look(self) -> Agreement:
        """Whether the log is the one that the journal knows: one record is read, nothing is changed."""
        begin, end = await self._reader.begin(), await self._reader.end()
        async with transaction(self._engine) as connection:
            last = (await connection.execute(_LAST)).first()
        if last is None:
            return Agreement(same=True, begin=begin, end=end)
        same = last.log_position <= end
        if same and last.log_position > begin:
            found = await self._decisions(last.log_position - 1, last.log_position)
            same = [one.id for one in found] == [last.id]
        return Agreement(same=same, begin=begin, end=end, last=last.log_position)

    async def mend(self, generation: int) -> Reunited:
        """Take back and set back what is needed; the notes are of this generation. Raises Divided."""
        agreement = await self.look()
        start = max(agreement.begin, agreement.last) if agreement.same else agreement.begin
        found = await self._decisions(start, agreement.end)
        async with transaction(self._engine) as connection:
            await connection.execute(LOCK)
            stand, back = await self._taken_back(connection, found)
            again, valid = 0, agreement.end
            if not agreement.same:
                again, valid = await self._set_back(connection, agreement, found)
            else:
                await self._note(connection, first_copies(found), generation)
        first = stand.position + 1
        return Reunited(
            agreement=agreement,
            valid=valid,
            taken=tuple(enumerate(back.taken, first)),
            left=back.left,
            again=again,
        )

    async def _taken_back(
        self, connection: AsyncConnection, found: Sequence[Decided]
    ) -> tuple[Stand, TakenBack]:
        values = {"streams": list({one.stream for one in found}), "ids": [one.id for one in found]}
        stand = stand_of((await connection.execute(STAND, values)).fetchall())
        back = take_back(found, known=stand.places, versions=stand.versions)
        if back.taken:
            columns = {
                "positions": [stand.position + n for n in range(1, len(back.taken) + 1)],
                "streams": [one.stream for one in back.taken],
                "versions": [one.version for one in back.taken],
                "ids": [one.id for one in back.taken],
                "types": [one.type for one in back.taken],
                "bodies": [one.body for one in back.taken],
                "times": [one.recorded_ms for one in back.taken],
            }
            await connection.execute(_TAKE, columns)
        return stand, back

    async def _note(self, connection: AsyncConnection, found: Sequence[Decided], generation: int) -> None:
        columns = {
            "ids": [one.id for one in found],
            "log_positions": [one.position for one in found],
            "times": [one.recorded_ms for one in found],
        }
        await connection.execute(_NOTE, columns | {"generation": generation})

    async def _set_back(
        self, connection: AsyncConnection, agreement: Agreement, found: Sequence[Decided]
    ) -> tuple[int, int]:
        """Forget the places from the first decision on that this log lacks; how many, and what is valid."""
        held = {one.id: one.position for one in first_copies(found)}
        entries = (await connection.execute(_ENTRIES)).fetchall()
        valid = max((place for _, name, place, _ in entries if held.get(name) == place), default=0)
        for position, name, place, body in entries:
            expired = valid and place is not None and place <= agreement.begin
            if name in held or expired:
                continue
            batch = _envelopes.decode(body).batch
            first = position - (batch.index if batch is not None else 0)
            return (await connection.execute(_FORGET, {"position": first})).rowcount, valid
        return 0, valid

    async def _decisions(self, start: int, end: int) -> list[Decided]:
        """The decisions at the offsets [start, end)."""
        found: list[Decided] = []
        self._reader.seek(start)
        waits = 0
        while self._reader.position() < end:
            records = await self._reader.fetch(PAGE, POLL_S)
            found += [one for one in map(_decided, records) if one is not None and one.position <= end]
            waits = 0 if records else waits + 1
            if waits > MOST_WAITS:
                raise Unreachable("the events topic gives no records: check its brokers.")
        return found


def _decided(record: Record) -> Decided | None:
    """The decision that the relay sent; None for everything else."""
    if record.value is None or dict(record.headers).get("ce_source") != SOURCE:
        return None
    try:
        told = _envelopes.decode(record.value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if told.version is None or record.key != told.stream.encode():
        return None
    return Decided(
        position=record.offset + 1,
        recorded_ms=record.timestamp,
        stream=told.stream,
        version=told.version,
        id=told.id,
        type=told.type,
        body=record.value,
        batch=told.batch,
        actor=told.actor,
    )
