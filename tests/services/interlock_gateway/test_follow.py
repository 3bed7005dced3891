"""The snapshot in force: swapped when good, rejected when not, kept when nothing comes any more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock_domain.events import GatewayReported, SnapshotRejected
from interlock_domain.rows import CommitRow
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_feed.adapters.file import SnapshotFile
from interlock_feed.adapters.memory import MemoryFeed
from interlock_feed.feed import FeedReader, FeedUpdate
from interlock_testing.behaviour import At, fail, stall
from interlock_testing.running import GatewayOptions, NotDeclared, RunningLoop, declaring, running
from interlock_testing.waiting import until

LONG_S = 30.0


class AlteredFeed:
    """A feed whose updates pass through a function; None swallows one."""

    def __init__(self, feed: FeedReader, alter: Callable[[FeedUpdate], FeedUpdate | None]) -> None:
        self._feed = feed
        self.alter = alter
        self.readers = 0

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        self.readers += 1
        updates = self._feed.tail()
        try:
            async for update in updates:
                altered = self.alter(update)
                if altered is not None:
                    yield altered
        finally:
            await updates.aclose()  # type: ignore[attr-defined]


class DeadFeed:
    """A feed that cannot be reached."""

    def __init__(self) -> None:
        self.asked = 0

    def tail(self) -> AsyncIterator[FeedUpdate]:
        self.asked += 1
        raise ConnectionError("nobody there")


class SilentFeed:
    """A feed that says nothing."""

    def tail(self) -> AsyncIterator[FeedUpdate]:
        return MemoryFeed().tail()


def version(loop: RunningLoop) -> tuple[int, int]:
    held = loop.gateway.service.gateway.follow.held
    assert held is not None
    return held.snapshot.generation, held.snapshot.position


async def test_a_change_of_the_configuration_holds_for_the_next_request(atlas, breeze):
    async with running(declaring({"atlas": atlas.url})) as loop:
        before = await loop.chat()
        await loop.apply(declaring({"breeze": breeze.url}), allow_removal=True)
        await loop.settle()
        after, gone = await loop.chat(), await loop.chat("atlas/large")
    assert before.headers["x-interlock-target"] == "atlas/large"
    assert after.headers["x-interlock-target"] == "breeze/large"
    assert gone.status_code == 404
    assert before.headers["x-interlock-snapshot"] != after.headers["x-interlock-snapshot"]


async def test_a_request_that_runs_is_not_disturbed_by_a_swap(atlas, breeze):
    atlas.behaviour = stall(At.CONTENT)
    async with running(declaring({"atlas": atlas.url})) as loop:
        running_request = asyncio.create_task(loop.chat(stream=True))
        await until(lambda: atlas.open == 1, what="the stream")
        await loop.apply(declaring({"breeze": breeze.url}), allow_removal=True)
        await loop.settle()
        atlas.release()
        answer = await running_request
    assert answer.content.endswith(b"data: [DONE]\n\n")


async def test_before_the_first_snapshot_there_is_a_sentence_and_no_exception(atlas):
    async with running(None, options=GatewayOptions(feed=SilentFeed(), ready_s=0.01)) as loop:
        answer = await loop.chat()
        models = await loop.http.get("/v1/models")
        ready, alive = await loop.http.get("/readyz"), await loop.http.get("/healthz")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert "interlock apply" in answer.json()["error"]["message"]
    assert (models.status_code, ready.status_code, alive.status_code) == (503, 503, 200)


def wrong_digest(update: FeedUpdate) -> FeedUpdate:
    return FeedUpdate(commit=replace(update.commit, digest="0" * 32), rows=update.rows, whole=update.whole)


async def test_an_inconsistent_snapshot_is_rejected_with_a_fact_and_the_old_one_stays(atlas, breeze):
    async with running(declaring({"atlas": atlas.url})) as loop:
        feed = AlteredFeed(loop.feed, lambda update: update)
        async with loop.serving("gw-2", GatewayOptions(feed=feed)) as second:
            follow = second.service.gateway.follow
            assert follow.held is not None
            feed.alter = wrong_digest
            kept = follow.held.version
            await loop.apply(declaring({"breeze": breeze.url}), allow_removal=True)
            (fact, *_) = await until(lambda: loop.facts(SnapshotRejected), what="the rejection")
            answer = await second.chat()
            assert answer.headers["x-interlock-snapshot"] == kept
            assert follow.held.version == kept
            feed.alter = lambda update: update
            await until(
                lambda: follow.held is not None and "breeze" in follow.held.snapshot.providers,
                timeout_s=LONG_S,
                what="the good one to be taken",
            )
            assert (await second.chat()).headers["x-interlock-target"] == "breeze/large"
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert "digest" in fact.reason
    assert fact.version.startswith("g1:")


async def test_a_rejection_does_not_feed_on_the_facts_that_it_leads_to(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        feed = AlteredFeed(loop.feed, lambda update: update)
        async with loop.serving("gw-2", GatewayOptions(feed=feed)):
            feed.alter = wrong_digest
            for n in range(1, 6):
                await loop.apply(declaring({"atlas": atlas.url}, policy=f"{{timeouts: {{connect: {n}s}}}}"))
                await loop.settle()
            await until(lambda: loop.facts(SnapshotRejected), what="the rejection")
            assert len(await loop.facts(SnapshotRejected)) <= feed.readers, "one each time it is read anew"


async def test_a_set_that_removes_too_much_is_kept_out_until_somebody_allows_it(atlas, breeze):
    pools = "{chat: [atlas/a, atlas/b, atlas/c, atlas/d, atlas/e, atlas/f]}"
    async with running(declaring({"atlas": atlas.url}, pools=pools)) as loop:
        with pytest.raises(NotDeclared, match="removes 6 of 6"):
            await loop.apply(declaring({"breeze": breeze.url}))
        await loop.apply(declaring({"breeze": breeze.url}), allow_removal=True)
        await loop.settle()
        assert (await loop.chat()).headers["x-interlock-target"] == "breeze/large"


async def test_versions_never_go_back_within_a_generation(atlas):
    def older(update: FeedUpdate) -> FeedUpdate:
        commit = replace(update.commit, position=update.commit.position - 3)
        return FeedUpdate(commit=commit, rows=update.rows, whole=update.whole)

    async with running(declaring({"atlas": atlas.url})) as loop:
        feed = AlteredFeed(loop.feed, lambda update: update)
        async with loop.serving("gw-2", GatewayOptions(feed=feed)) as second:
            follow = second.service.gateway.follow
            seen: list[tuple[int, int]] = []
            swapped = follow.on_swap

            def watched(before: Snapshot | None, after: Snapshot) -> None:
                seen.append((after.generation, after.position))
                swapped(before, after)

            follow.on_swap = watched
            feed.alter = older
            for n in range(1, 5):
                await loop.apply(declaring({"atlas": atlas.url}, policy=f"{{timeouts: {{connect: {n}s}}}}"))
                await loop.settle()
            await until(lambda: seen, timeout_s=LONG_S, what="a swap")
    assert seen == sorted(seen)


async def test_a_higher_generation_is_taken_from_any_position(atlas):
    def risen(update: FeedUpdate) -> FeedUpdate:
        return FeedUpdate(
            commit=replace(update.commit, generation=2, position=1), rows=update.rows, whole=update.whole
        )

    async with running(declaring({"atlas": atlas.url})) as loop:
        feed = AlteredFeed(loop.feed, lambda update: update)
        async with loop.serving("gw-2", GatewayOptions(feed=feed)) as second:
            feed.alter = risen
            follow = second.service.gateway.follow
            await until(
                lambda: follow.held is not None and follow.held.version == "g2:1",
                timeout_s=LONG_S,
                what="generation 2",
            )
            assert (await second.chat()).headers["x-interlock-snapshot"] == "g2:1"


async def test_with_the_projector_gone_the_gateway_serves_on_and_shows_the_age(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        await loop.pause()
        follow = loop.gateway.service.gateway.follow
        await until(lambda: follow.age_ms() > 1_100, timeout_s=LONG_S, what="the snapshot to age")
        assert (await loop.chat()).status_code == 200
        page = (await loop.http.get("/metrics")).text
        age = next(line for line in page.splitlines() if line.startswith("interlock_snapshot_age_seconds "))
        assert float(age.split()[1]) > 1.0
        await loop.resume()
        await until(lambda: follow.age_ms() < 1_000, timeout_s=LONG_S, what="a commit")


async def test_a_restart_with_the_feed_dead_serves_from_the_last_known_good_file(atlas, breeze, tmp_path):
    kept = tmp_path / "last-known-good"
    config = declaring(
        {"atlas": atlas.url, "breeze": breeze.url}, policy="{attempts: {retries_per_target: 0}}"
    )
    async with running(config, options=GatewayOptions(snapshot_file=kept)) as loop:
        atlas.behaviour = fail(500)
        for _ in range(3):
            await loop.chat()
        await until(lambda: loop.row("atlas/large"), what="the cooldown in the snapshot")
        held = loop.gateway.service.gateway.follow.held
        assert held is not None
        await until(lambda: _saved(kept) >= held.snapshot.position, what="the file", timeout_s=LONG_S)
    feed = DeadFeed()
    dead = GatewayOptions(feed=feed, snapshot_file=kept, log=None)
    async with running(None, options=dead, project=False) as loop:
        first = await loop.chat()
        await until(lambda: feed.asked >= 2, timeout_s=LONG_S, what="the feed to be asked again")
        answer = await loop.chat()
        ready = await loop.http.get("/readyz")
        reports = await loop.facts(GatewayReported)
    assert ready.status_code == 200
    assert {first.status_code, answer.status_code} == {200}
    assert answer.headers["x-interlock-target"] == "breeze/large", "the cooldown came through the restart"
    assert int(answer.headers["x-interlock-snapshot"].split(":")[1]) >= held.snapshot.position
    assert reports[0].moment == "start"


def _saved(path: Path) -> int:
    found = SnapshotFile(path).load()
    return found.commit.position if found else -1


async def test_a_damaged_file_is_no_snapshot_and_no_exception(atlas, tmp_path):
    kept = tmp_path / "last-known-good"
    kept.write_bytes(b"interlock-snapshot-1\n" + b"\0" * 100)
    dead = GatewayOptions(feed=DeadFeed(), snapshot_file=kept, ready_s=0.01)
    async with running(None, options=dead, project=False) as loop:
        assert (await loop.chat()).status_code == 503


async def test_a_file_that_lies_about_its_digest_is_not_used(atlas, tmp_path):
    kept = tmp_path / "last-known-good"
    commit = CommitRow(generation=1, epoch=1, position=5, log_ms=1, digest="0" * 32)
    SnapshotFile(kept).save(commit, {"catalog": b"{}"}, 0)
    dead = GatewayOptions(feed=DeadFeed(), snapshot_file=kept, ready_s=0.01)
    async with running(None, options=dead, project=False) as loop:
        assert (await loop.chat()).status_code == 503


async def test_a_feed_that_breaks_off_is_followed_again(atlas, breeze):
    async with running(declaring({"atlas": atlas.url})) as loop:

        def breaks(update: FeedUpdate) -> FeedUpdate:
            raise ConnectionResetError("feed")

        feed = AlteredFeed(loop.feed, lambda update: update)
        async with loop.serving("gw-2", GatewayOptions(feed=feed)) as second:
            feed.alter = breaks
            await until(lambda: feed.readers >= 2, timeout_s=LONG_S, what="a second reader")
            assert (await second.chat()).status_code == 200
            await loop.apply(declaring({"breeze": breeze.url}), allow_removal=True)
            feed.alter = lambda update: update
            follow = second.service.gateway.follow
            await until(
                lambda: follow.held is not None and "breeze" in follow.held.snapshot.providers,
                timeout_s=LONG_S,
                what="the change that came meanwhile",
            )


async def test_log_time_never_goes_back_as_commits_arrive_late(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        follow = loop.gateway.service.gateway.follow
        moments: list[int] = []
        began = version(loop)

        async def enough() -> bool:
            moments.append(follow.as_of_ms())
            await loop.chat()
            return len(moments) > 50 and version(loop) > began

        await until(enough, timeout_s=LONG_S, what="a commit amid requests")
        moments.append(follow.as_of_ms())
    assert moments == sorted(moments)
