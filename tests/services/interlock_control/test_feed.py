"""GET /feed: what a follower of any make gets, by what he says that he holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from interlock_domain.rows import CLUSTER_KEY
from interlock_feed.feed import FeedUpdate
from interlock_feed.http_stream import StreamReader
from interlock_testing.contracts.feed import Tail
from tests.libs.interlock_feed.adapters.feeding import closing, table
from tests.services.over_http import TOKEN, OverHttp, over_http

PATIENCE_S = 20.0


@asynccontextmanager
async def following(
    control: OverHttp, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[Tail]:
    sent = {"authorization": f"Bearer {TOKEN}"} | (headers or {})
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client,
        client.stream("GET", f"{control.url}/admin/v1/feed", params=query, headers=sent) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Tail(_updates(answer), PATIENCE_S)


async def _updates(answer: httpx2.Response) -> AsyncIterator[FeedUpdate]:
    reader = StreamReader()
    async for piece in answer.aiter_bytes():
        for update in reader.feed(piece):
            yield update


@pytest.fixture
async def control() -> AsyncIterator[OverHttp]:
    async with over_http() as running:
        await running.feed.publish(
            closing({"a": b"1", "b": b"1"}, 1), {"a": b"1", "b": b"1", CLUSTER_KEY: b'{"key":"a2V5"}'}
        )
        async with following(running) as first:
            await first.next()
            await running.feed.publish(closing({"a": b"2", "b": b"1"}, 7), {"a": b"2"})
            await first.next()
        yield running


async def test_a_follower_who_holds_nothing_gets_the_table_without_the_cluster_key(control):
    async with following(control) as tail:
        assert table(await tail.next()) == {"a": b"2", "b": b"1"}


async def test_the_cluster_key_comes_to_those_who_ask_for_it(control):
    async with following(control, cluster="true") as tail:
        assert CLUSTER_KEY in table(await tail.next())


@pytest.mark.parametrize("how", ["query", "header"])
async def test_a_follower_who_says_what_he_holds_gets_the_difference_then_every_commit(control, how):
    said: dict[str, Any] = {"after": "g1:1"} if how == "query" else {"headers": {"last-event-id": "g1:1"}}
    async with following(control, **said) as tail:
        update = await tail.next()
        assert (update.whole, update.rows) == (False, {"a": b"2"})
        await control.feed.publish(closing({"a": b"2"}, 8), {"b": None})
        assert (await tail.next()).rows == {"b": None}


async def test_a_follower_who_lost_his_table_gets_it_whole(control):
    async with following(control, after="g1:7", whole="true") as tail:
        assert table(await tail.next()) == {"a": b"2", "b": b"1"}


async def test_a_version_that_is_none_is_refused_in_a_sentence(control):
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = await client.get(f"{control.url}/admin/v1/feed?after=42", headers=headers)
    assert answer.status_code == 422
    assert "g1:1042" in answer.json()["detail"]
