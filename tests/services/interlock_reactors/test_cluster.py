"""The reactors on a real Kafka and a real PostgreSQL."""

from interlock_domain.rows import CommitRow
from interlock_domain.words import EffectKind
from interlock_reactors.reactors import Reactors
from interlock_runtime.kafka.reader import TopicReader
from interlock_testing.waiting import until
from tests.services.interlock_reactors.cell import PATIENCE_S, Cell, batch, numbered, opened, reacting, told
from tests.services.interlock_reactors.hook import hook

SILENT_S = 6.0
"""Counted from before the receivers are known: one that is not yet is not told."""


def told_once(reactors: Reactors) -> bool:
    """An alert was answered, and is not merely under way: a stop has nothing to break off."""
    (alerts,) = (one for one in reactors.metrics() if one.name == "interlock_reactors_alerts_total")
    return sum(alerts.samples.values()) >= 1


async def test_a_receiver_is_told_in_order_what_it_asked_for_and_nothing_of_the_past(cell: Cell):
    async with hook() as hears:
        await cell.observe(opened(1))
        since = await cell.alert({"url": hears.url, "secret": "env:HOOK", "on": ["cooldown"]})
        async with reacting(cell):
            await cell.observe(
                opened(1, n=1),
                opened(since + 1),
                opened(since + 2, kind=EffectKind.RAMP_STARTED),
                opened(since + 3, kind=EffectKind.CREDENTIAL_SUSPECT),
                opened(since + 4, kind=EffectKind.COOLDOWN_ENDED),
            )
            await until(lambda: len(hears.heard) >= 2, timeout_s=PATIENCE_S, what="two alerts")
    assert hears.ids == [f"routing-1:{since + 1}:0", f"routing-1:{since + 4}:0"]
    assert all(one.is_signed() for one in hears.heard)
    event = hears.heard[0].event
    assert (event["id"], event["type"]) == (hears.ids[0], "interlock.alert.cooldown.v1")
    assert (event["subject"], event["data"]["kind"]) == ("target/atlas/large", "CooldownOpened")
    assert await cell.letters() == []


async def test_a_receiver_that_fails_gets_a_dead_letter_and_the_next_alert_comes(cell: Cell):
    async with hook("500 No", "404 Not Found") as hears:
        since = await cell.alert({"url": hears.url, "on": ["cooldown"]})
        async with reacting(cell):
            await cell.observe(opened(since + 1), opened(since + 2))
            await until(lambda: len(hears.heard) >= 3, timeout_s=PATIENCE_S, what="three calls")
            letters = await until(cell.letters, timeout_s=PATIENCE_S, what="a dead letter")
    assert hears.ids == [f"routing-1:{since + n}:0" for n in (1, 1, 2)]
    assert "webhook-signature" not in hears.heard[0].headers
    [(consumer, reason, _)] = letters
    assert consumer.startswith("reactors/alerts/127.0.0.1-")
    assert reason == "refused"


async def test_a_slow_receiver_holds_up_nobody_else_and_hears_of_the_others_dead_letters(cell: Cell):
    async with hook() as slow, hook("410 Gone") as quick:
        slow.speaks.clear()
        since = await cell.alert(
            {"url": slow.url, "on": ["cooldown"]},
            {"url": quick.url, "on": ["cooldown"]},
        )
        async with reacting(cell):
            await cell.observe(*(opened(since + n) for n in range(1, 4)))
            await until(lambda: len(quick.heard) >= 3, timeout_s=PATIENCE_S, what="the quick one to be told")
            assert len(set(slow.ids)) <= 1
            slow.speaks.set()
            await until(lambda: len(set(slow.ids)) == 3, timeout_s=PATIENCE_S, what="the slow one to be told")


async def test_dead_letters_are_copied_to_their_topic_and_told_but_not_to_whom_they_speak_of(cell: Cell):
    async with hook("410 Gone") as failing, hook() as watching:
        since = await cell.alert(
            {"url": failing.url, "on": ["cooldown", "dead_letter"]},
            {"url": watching.url, "on": ["dead_letter"]},
        )
        async with reacting(cell):
            await cell.observe(opened(since + 1))
            await until(lambda: watching.heard, timeout_s=PATIENCE_S, what="the dead letter to be told")
            await cell.observe(opened(since + 2))
            await until(lambda: len(failing.heard) >= 2, timeout_s=PATIENCE_S, what="the next alert")
    assert failing.ids == [f"routing-1:{since + 1}:0", f"routing-1:{since + 2}:0"]
    [heard] = watching.heard
    assert heard.event["data"]["reason"] == "refused"
    assert heard.event["type"] == "interlock.alert.dead_letter.v1"


async def test_batches_become_rows_once_however_often_they_come(cell: Cell):
    async with reacting(cell) as reactors:
        wanted = [batch(numbered(first, 50)) for first in range(1, 1001, 50)]
        await cell.sender.send(cell.topics.requests, [*wanted, *wanted[::-1]])

        async def complete() -> bool:
            return reactors.metrics() is not None and len(await cell.kept()) == 1000

        await until(complete, timeout_s=PATIENCE_S, what="a thousand records")
    assert len(set(await cell.kept())) == 1000
    assert await cell.letters() == []


async def test_what_came_while_nobody_was_there_is_done_at_the_next_start(cell: Cell):
    async with hook() as hears:
        since = await cell.alert({"url": hears.url, "on": ["cooldown"]})
        async with reacting(cell) as reactors:
            await cell.observe(opened(since + 1))
            await until(lambda: told_once(reactors), timeout_s=PATIENCE_S, what="the first alert")
        await cell.observe(opened(since + 2))
        await cell.sender.send(cell.topics.requests, [batch(numbered(1, 3))])
        async with reacting(cell):
            await until(lambda: len(hears.heard) >= 2, timeout_s=PATIENCE_S, what="the second alert")
            await until(cell.kept, timeout_s=PATIENCE_S, what="the records")
    assert hears.ids == [f"routing-1:{since + 1}:0", f"routing-1:{since + 2}:0"]


async def test_a_receiver_whose_secret_is_missing_is_told_nothing_unsigned(cell: Cell):
    async with hook() as hears:
        since = await cell.alert({"url": hears.url, "secret": "env:NOT_SET", "on": ["cooldown"]})
        async with reacting(cell) as reactors:
            await cell.observe(opened(since + 1))
            await until(
                lambda: any("NOT_SET" in one for one in reactors.remarks()),
                timeout_s=PATIENCE_S,
                what="a word about the secret",
            )
    assert hears.heard == []
    assert await cell.letters() == []


async def test_a_feed_that_falls_silent_is_told_once(cell: Cell):
    async with hook() as hears:
        await cell.alert({"url": hears.url, "on": ["stale"]})
        async with reacting(cell, stale_s=SILENT_S) as reactors:
            await until(lambda: hears.heard, timeout_s=PATIENCE_S, what="the silence to be told")
            assert "the state feed is silent" in reactors.remarks()
            await cell.feed(CommitRow(generation=1, epoch=1, position=7, log_ms=5, digest="0" * 32))
            await until(lambda: len(hears.heard) >= 2, timeout_s=PATIENCE_S, what="its end to be told")
            await cell.feed(CommitRow(generation=1, epoch=1, position=6, log_ms=5, digest="0" * 32))
            await until(lambda: len(hears.heard) >= 3, timeout_s=PATIENCE_S, what="the next silence")
    assert hears.ids == ["stale:none", "stale:none:over", "stale:g1:7"]
    assert [one.event["data"]["kind"] for one in hears.heard] == ["FeedStale", "FeedFresh", "FeedStale"]


async def test_copies_of_letters_carry_the_record_and_its_place(cell: Cell):
    async with reacting(cell):
        await cell.sender.send(cell.topics.transitions, [told(opened(1)), told(opened(2))])
        await cell.sender.send(cell.topics.requests, [batch(numbered(1, 1))])
        bad = batch(numbered(1, 1))
        await cell.sender.send(cell.topics.requests, [type(bad)(key=b"k", value=b"{oops", partition=3)])
        await until(cell.letters, timeout_s=PATIENCE_S, what="a dead letter")
        readers = [
            TopicReader(cell.connection, cell.topics.dead_letters, partition=partition)
            for partition in range(3)
        ]
        found: list[object] = []
        try:
            for reader in readers:
                await reader.start()

            async def copied() -> bool:
                for reader in readers:
                    found.extend(await reader.fetch(10, 0.2))
                return bool(found)

            await until(copied, timeout_s=PATIENCE_S, what="the copy")
        finally:
            for reader in readers:
                await reader.close()
    [copy] = found
    headers = {name: value.decode() for name, value in copy.headers}  # type: ignore[attr-defined]
    assert headers["dead_id"] == f"{cell.topics.requests}:3:0"
    assert headers["dead_consumer"] == "reactors/requests"
    assert headers["dead_reason"] == "bad_json"
    assert (copy.key, copy.value) == (b"k", b"{oops")  # type: ignore[attr-defined]
