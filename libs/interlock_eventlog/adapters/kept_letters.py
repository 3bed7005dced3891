"""Dead letters of the reactors in PostgreSQL: rows of the table `dead_letter`, kept once each.

Rule: the unique place of a letter makes keeping it again harmless, so a reactor keeps first and acknowledges
its topic then. Letters are told by the mark in their row and not by "id > last told": ids become visible in
the order of commits.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_eventlog.dead_letters import DeadLetter
from interlock_eventlog.letters import KeptLetter
from interlock_runtime.postgres import transaction

_KEEP: Final = text(
    """
    INSERT INTO dead_letter (
        consumer, topic, partition, log_offset, recorded_ms, reason, detail, key, headers, value
    ) VALUES (
        :consumer, :topic, :partition, :offset, :recorded_ms, :reason, :detail, :key, :headers, :value
    )
    ON CONFLICT (consumer, topic, partition, log_offset) DO NOTHING
    """
)
_UNTOLD: Final = text(
    """
    SELECT id, consumer, topic, partition, log_offset, recorded_ms, reason, detail, key, headers, value
    FROM dead_letter WHERE NOT copied AND starts_with(consumer, :family) ORDER BY id LIMIT :limit
    """
)
_TOLD: Final = text("UPDATE dead_letter SET copied = true WHERE id = ANY (CAST(:ids AS bigint[]))")
_HEADERS: Final = msgspec.json.Decoder(tuple[tuple[str, bytes], ...])


class PostgresLetterKeeper:
    """LetterKeeper of the consumers whose names start with `family`; raises PostgresError."""

    def __init__(self, engine: AsyncEngine, family: str) -> None:
        self._engine = engine
        self._family = family

    async def keep(self, consumer: str, letters: Sequence[DeadLetter]) -> None:
        """See LetterKeeper."""
        if letters:
            async with transaction(self._engine) as connection:
                await connection.execute(_KEEP, [_values(consumer, one) for one in letters])

    async def untold(self, limit: int) -> list[KeptLetter]:
        """See LetterKeeper."""
        async with transaction(self._engine) as connection:
            rows = await connection.execute(_UNTOLD, {"family": self._family, "limit": limit})
            return [_letter(row) for row in rows]

    async def told(self, ids: Sequence[int]) -> None:
        """See LetterKeeper."""
        if ids:
            async with transaction(self._engine) as connection:
                await connection.execute(_TOLD, {"ids": list(ids)})


def _values(consumer: str, letter: DeadLetter) -> dict[str, Any]:
    return {
        "consumer": consumer,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "recorded_ms": letter.recorded_ms,
        "reason": str(letter.reason),
        "detail": _storable(letter.detail),
        "key": letter.key,
        "headers": msgspec.json.encode([(_storable(name), value) for name, value in letter.headers]),
        "value": letter.value,
    }


def _letter(row: Any) -> KeptLetter:
    known = dict(row._mapping)
    known["offset"] = known.pop("log_offset")
    known["headers"] = _HEADERS.decode(known["headers"])
    return KeptLetter(**known)


def _storable(said: str) -> str:
    """Text of an unreadable record may hold what PostgreSQL's text cannot: NUL and lone surrogates."""
    return said.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
