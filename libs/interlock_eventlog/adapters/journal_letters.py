"""Dead letters in PostgreSQL: the table that projectors and reactors write, for those who settle them.

Rule: a letter is settled by one statement that looks at its state, so of two people one is first. What was
recorded is never changed.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_eventlog.letters import KeptLetter, LetterState, Settling
from interlock_runtime.postgres import transaction

_COLUMNS: Final = """
    id, consumer, topic, partition, log_offset, recorded_ms, reason, detail, key, headers, value, state,
    CAST(floor(extract(epoch FROM changed_at) * 1000) AS bigint), changed_by, changed_because, copy
"""
_PAGE: Final = text(
    f"""
    SELECT {_COLUMNS} FROM dead_letter
    WHERE id > :after AND (CAST(:state AS text) IS NULL OR state = CAST(:state AS text))
    ORDER BY id LIMIT :limit
    """
)
_GET: Final = text(f"SELECT {_COLUMNS} FROM dead_letter WHERE id = :id")
_SETTLE: Final = text(
    """
    UPDATE dead_letter SET
        state = :state, changed_at = now(), changed_by = :by, changed_because = :because, copy = :copy
    WHERE id = :id AND state = 'waiting'
    """
)
_PRUNE: Final = text("DELETE FROM dead_letter WHERE recorded_ms < :before")
_HEADERS: Final = msgspec.json.Decoder(tuple[tuple[str, bytes], ...])


class PostgresLetters:
    """Letters over the table `dead_letter`; raises PostgresError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def page(
        self, *, state: LetterState | None = None, after: int = 0, limit: int = 100
    ) -> Sequence[KeptLetter]:
        """See Letters."""
        values = {"after": after, "limit": limit, "state": state.value if state is not None else None}
        async with transaction(self._engine) as connection:
            return [_letter(row) for row in await connection.execute(_PAGE, values)]

    async def get(self, id: int) -> KeptLetter | None:
        """See Letters."""
        async with transaction(self._engine) as connection:
            row = (await connection.execute(_GET, {"id": id})).first()
        return None if row is None else _letter(row)

    async def settle(self, id: int, settling: Settling) -> bool:
        """See Letters."""
        values = msgspec.to_builtins(settling) | {"id": id}
        async with transaction(self._engine) as connection:
            return (await connection.execute(_SETTLE, values)).rowcount == 1

    async def prune(self, before_ms: int) -> int:
        """See Letters."""
        async with transaction(self._engine) as connection:
            return (await connection.execute(_PRUNE, {"before": before_ms})).rowcount


def _letter(row: Any) -> KeptLetter:
    known = dict(zip(_FIELDS, row, strict=True))
    known["headers"] = _headers(bytes(row[9]))
    known["state"] = LetterState(known["state"])
    return KeptLetter(**known)


_FIELDS: Final = (
    "id", "consumer", "topic", "partition", "offset", "recorded_ms", "reason", "detail", "key", "headers",
    "value", "state", "changed_ms", "changed_by", "changed_because", "copy",
)  # fmt: skip


def _headers(stored: bytes) -> tuple[tuple[str, bytes], ...]:
    """What another version wrote in another form is not worth refusing the letter."""
    try:
        return _HEADERS.decode(stored)
    except msgspec.MsgspecError:
        return ()
