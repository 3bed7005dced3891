"""Everything that a cell leaves behind, as bytes to be searched: topics, tables, folders.

Rule: what is packed is unpacked, so that a search sees what a reader would; each place has a name, so that a
find says where. Dropped: a dump made by the stores' own tools, which writes bytes as digits.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from tests.drills.rig.cell import Cell
from tests.drills.rig.topic import whole_topic


async def topics_of(cell: Cell) -> dict[str, bytes]:
    """Keys, values and headers of every record of the five topics."""
    names = (
        cell.topics.events,
        cell.topics.state,
        cell.topics.requests,
        cell.topics.transitions,
        cell.topics.dead_letters,
    )
    found: dict[str, bytes] = {}
    for name in names:
        parts: list[bytes] = []
        for _, record in await whole_topic(cell.connection, name):
            headers = [part for key, value in record.headers for part in (key.encode(), value or b"")]
            parts += [record.key or b"", *unpacked(record.value or b""), *headers]
        found[name] = b"\n".join(parts)
    return found


async def tables_of(url: str) -> dict[str, bytes]:
    """Every row of every table."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            f"table {name}": b"\n".join(
                part
                for row in await connection.fetch(f'SELECT * FROM "{name}"')
                for value in row.values()
                for part in _bytes(value)
            )
            for (name,) in tables
        }
    finally:
        await connection.close()


def files_of(folder: Path, *, without: Path) -> dict[str, bytes]:
    """Every file below the folder, but for those below `without`."""
    return {
        str(path.relative_to(folder)): b"\n".join(unpacked(path.read_bytes()))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and without not in path.parents
    }


def unpacked(raw: bytes) -> list[bytes]:
    """As it is, and unpacked where it is packed."""
    try:
        return [raw, zlib.decompress(raw)]
    except zlib.error:
        return [raw]


def _bytes(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield from unpacked(value)
    else:
        yield str(value).encode()
