"""Views in SQLite keep the contract, and what they hold outlives the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from interlock_runtime.sqlite import SqliteDatabase
from interlock_testing.contracts.samples import effect
from interlock_testing.contracts.views import NAME, ViewsContract, saved, step
from interlock_views.adapters.sqlite import SqliteViews
from interlock_views.views import ViewCommit, ViewTable


@asynccontextmanager
async def views_in(folder: Path) -> AsyncIterator[SqliteViews]:
    database = SqliteDatabase(folder / "interlock.db")
    try:
        yield SqliteViews(database)
    finally:
        await database.close()


class TestSqliteViews(ViewsContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqliteViews]:
        with TemporaryDirectory() as folder:
            async with views_in(Path(folder)) as views:
                yield views


async def test_given_a_closed_store_when_opened_again_then_everything_is_there(tmp_path):
    async with views_in(tmp_path) as views:
        former = await views.claim(NAME)
        await views.commit(step(former, 0, 4, a=b"1"))
        await views.save_checkpoint(saved(4))
    async with views_in(tmp_path) as views:
        assert await views.load(NAME) == ViewTable(position=4, rows={"a": b"1"})
        assert await views.checkpoint(NAME) == saved(4)
        assert await views.claim(NAME) > former


async def test_prune_deletes_old_transitions_only(tmp_path):
    async with views_in(tmp_path) as views:
        epoch = await views.claim(NAME)
        told = tuple(effect(position) for position in range(1, 6))
        await views.commit(
            ViewCommit(
                projection=NAME, epoch=epoch, expected_position=0, position=5, rows={"a": b"1"}, effects=told
            )
        )
        assert await views.prune(3000) == 2
        assert list(await views.transitions()) == list(told[2:])
        assert (await views.load(NAME)).rows == {"a": b"1"}
