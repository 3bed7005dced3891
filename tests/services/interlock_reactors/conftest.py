"""The cell of one test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.services.interlock_reactors.cell import Cell


@pytest_asyncio.fixture
async def cell(kafka, topics, database_url) -> AsyncIterator[Cell]:
    """A fresh one."""
    made = Cell(kafka.bootstrap, topics, database_url)
    try:
        yield made
    finally:
        await made.shut()
