"""Pacing of the feed: at once after a quiet spell, 20 a second under load, one a second at rest."""

from interlock_domain.rows import CommitRow
from interlock_feed.adapters.memory import MemoryFeed
from interlock_projector.publish import HEARTBEAT_S, MOVED_S, SPACING_S, FeedPacer, published_rows


def commit(position: int) -> CommitRow:
    return CommitRow(generation=1, epoch=1, position=position, log_ms=position, digest="")


async def test_the_first_change_after_a_quiet_spell_goes_out_at_once():
    pacer = FeedPacer(MemoryFeed())
    await pacer.publish(commit(1), 100.0)
    pacer.add({"a": b"1"})
    assert pacer.due_in(100.5) == 0


async def test_a_change_right_after_a_change_waits_for_the_spacing_and_no_longer():
    pacer = FeedPacer(MemoryFeed())
    pacer.add({"b": b"1"})
    await pacer.publish(commit(1), 100.0)
    pacer.add({"a": b"1"})
    assert 0 < pacer.due_in(100.01) <= SPACING_S
    assert pacer.due_in(100.0 + SPACING_S) == 0


async def test_a_change_never_waits_for_a_commit_that_changed_nothing():
    pacer = FeedPacer(MemoryFeed())
    await pacer.publish(commit(1), 100.0)
    pacer.add({})
    assert 0 < pacer.due_in(100.01) < MOVED_S
    pacer.add({"a": b"1"})
    assert pacer.due_in(100.01) == 0


async def test_a_position_that_moved_alone_goes_out_ten_times_a_second():
    pacer = FeedPacer(MemoryFeed())
    await pacer.publish(commit(1), 100.0)
    pacer.add({})
    assert pacer.due_in(100.0 + MOVED_S) == 0


async def test_without_changes_a_commit_is_due_each_second():
    pacer = FeedPacer(MemoryFeed())
    await pacer.publish(commit(1), 100.0)
    assert pacer.due_in(100.25) == HEARTBEAT_S - 0.25
    assert pacer.due_in(101.0) == 0


async def test_a_burst_goes_out_as_one_commit_with_the_newest_payload_of_each_key():
    feed = MemoryFeed()
    pacer = FeedPacer(feed)
    pacer.add({"a": b"1", "b": b"1"})
    pacer.add({"a": b"2", "b": None})
    await pacer.publish(commit(2), 100.0)
    assert await published_rows(feed) == {"a": b"2"}
    assert pacer.position == 2


async def test_rows_whose_publish_failed_go_out_with_the_next_one():
    class Broken(MemoryFeed):
        broken = True

        async def publish(self, commit, rows) -> None:
            if self.broken:
                raise OSError("gone")
            await super().publish(commit, rows)

    feed = Broken()
    pacer = FeedPacer(feed)
    pacer.add({"a": b"1"})
    try:
        await pacer.publish(commit(1), 100.0)
    except OSError:
        feed.broken = False
    await pacer.publish(commit(2), 100.1)
    assert await published_rows(feed) == {"a": b"1"}
