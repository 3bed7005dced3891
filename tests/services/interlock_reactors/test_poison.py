"""Records that nobody should have sent: each a dead letter with its place, and nothing behind it is lost."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy  # type: ignore[import-untyped]
from msgspec import structs

from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_testing.waiting import until
from tests.services.interlock_reactors.cell import PATIENCE_S, Cell, batch, numbered, opened, reacting, told
from tests.services.interlock_reactors.hook import Hook, hook

NOT_UTF8: Final = b"\xff\xfe"
MEBIBYTE: Final = b"[" + b" " * (1024 * 1024 - 300) + b"]"

Poison = Mapping[str, tuple[OutRecord, str | None]]
"""By what is wrong: the record and its reason; None: it is fine all the same."""


def changed(good: OutRecord, **fields: Any) -> OutRecord:
    return structs.replace(good, partition=0, **fields)


def typed(good: OutRecord, kind: bytes) -> OutRecord:
    others = tuple(pair for pair in good.headers if pair[0] != "ce_type")
    return changed(good, headers=(*others, ("ce_type", kind)))


def matrix(good: OutRecord, *, known: bytes) -> Poison:
    """What may be wrong with a record of any topic."""
    return {
        "bad JSON": (changed(good, value=b"{oops"), "bad_json"),
        "no text": (changed(good, value=NOT_UTF8), "bad_json"),
        "nested": (changed(good, value=b"[" * 50_000), "bad_json"),
        "unknown type": (typed(good, b"SomethingElse"), "unknown_type"),
        "future version": (typed(good, known + b".v2"), "future_version"),
        "null value": (changed(good, value=None), "null_value"),
        "a header that is no text": (changed(good, headers=(*good.headers, ("x", NOT_UTF8))), None),
        "one MiB": (changed(good, value=MEBIBYTE), "too_large"),
        "wrong key": (changed(good, key=b"nobody"), "wrong_key"),
        "no key": (changed(good, key=None), "wrong_key"),
        "other data": (
            changed(good, value=b"[1]" if good.value and good.value[:1] == b"[" else b"{}"),
            "bad_data",
        ),
    }


async def sent(cell: Cell, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
    return [(await cell.sender.send(topic, [one]))[0] for one in records]


class NotUtf8(str):
    """A header's name as another client may write it: the protocol does not check it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return NOT_UTF8


async def in_one_batch(cell: Cell, topic: str, records: Sequence[OutRecord]) -> int:
    """Sent by a client that checks nothing; the offset of the first."""
    producer = AIOKafkaProducer(bootstrap_servers=list(cell.settings.kafka_bootstrap), acks="all")
    await producer.start()
    try:
        together = producer.create_batch()
        together._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 100_000)
        for one in records:
            together.append(timestamp=77, key=one.key, value=one.value, headers=list(one.headers))
        return int((await (await producer.send_batch(together, topic, partition=0))).offset)
    finally:
        await producer.stop()


async def expected(cell: Cell, wanted: list[tuple[str, int]]) -> None:
    """(reason, offset) of every dead letter."""

    async def there() -> bool:
        return len(await cell.letters()) >= len(wanted)

    await until(there, timeout_s=PATIENCE_S, what=f"{len(wanted)} dead letters")
    assert sorted((reason, offset) for _, reason, offset in await cell.letters()) == sorted(wanted)


def good_effect(position: int) -> OutRecord:
    return changed(told(opened(position)))


def good_batch(n: int) -> OutRecord:
    return batch(numbered(n, 1), partition=0)


@pytest.mark.parametrize("name", ["requests", "transitions"])
async def test_the_matrix_on_a_topic_is_put_away_and_what_lies_between_arrives(cell: Cell, name: str):
    good = {"requests": good_batch, "transitions": good_effect}[name]
    poison = list(
        matrix(
            good(500), known={"requests": b"RequestsRecorded", "transitions": b"CooldownOpened"}[name]
        ).values()
    )
    topic = {"requests": cell.topics.requests, "transitions": cell.topics.transitions}[name]
    async with hook() as hears:
        await cell.alert({"url": hears.url, "on": ["cooldown"]})
        async with reacting(cell):
            woven = [one for n, (bad, _) in enumerate(poison) for one in (good(100 + n), bad)]
            places = await sent(cell, topic, [*woven, good(999)])
            bad = zip(places[1::2], poison, strict=True)
            await expected(cell, [(reason, place.offset) for place, (_, reason) in bad if reason is not None])
            await until(lambda: finished(cell, hears, name), timeout_s=PATIENCE_S, what="the last good one")
    survivors = {500} | {100 + n for n in range(len(poison))} | {999}
    if name == "requests":
        assert set(await cell.kept()) == {f"req{n:06d}" for n in survivors}
    else:
        in_order = [*(100 + n for n in range(len(poison))), 999]
        odd = next(n for n, (_, reason) in enumerate(poison) if reason is None)
        in_order.insert(odd + 1, 500)
        assert hears.ids == [f"routing-1:{n}:0" for n in in_order]


async def finished(cell: Cell, hears: Hook, name: str) -> bool:
    return "req000999" in await cell.kept() if name == "requests" else "routing-1:999:0" in hears.ids


async def test_an_effect_of_a_newer_version_and_one_with_another_id_are_put_away(cell: Cell):
    body = msgspec.json.decode(good_effect(7).value or b"")
    newer = changed(good_effect(7), value=msgspec.json.encode({**body, "kind": "SomethingNew"}))
    other = changed(good_effect(8), headers=(("id", b"routing-1:9:0"),))
    async with hook() as hears:
        await cell.alert({"url": hears.url, "on": ["cooldown"]})
        async with reacting(cell):
            first, second, _ = await sent(cell, cell.topics.transitions, [newer, other, good_effect(9)])
            await expected(cell, [("unknown_type", first.offset), ("bad_header", second.offset)])
            await until(lambda: hears.heard, timeout_s=PATIENCE_S, what="the good one")
    assert hears.ids == ["routing-1:9:0"]


async def test_a_batch_that_the_database_refuses_is_put_away_and_its_neighbours_are_kept(cell: Cell):
    [odd] = numbered(2, 1)
    nul = batch([structs.replace(odd, pool="p\0q")], partition=0)
    huge = batch([structs.replace(odd, started_ms=2**62 * 3)], partition=0)
    await cell.sender.send(cell.topics.requests, [good_batch(1), nul, huge, good_batch(3)])
    async with reacting(cell):
        await expected(cell, [("bad_data", 1), ("bad_data", 2)])
        await until(lambda: has(cell, 2), timeout_s=PATIENCE_S, what="the neighbours")
    assert set(await cell.kept()) == {"req000001", "req000003"}


async def has(cell: Cell, count: int) -> bool:
    return len(await cell.kept()) == count


@pytest.mark.parametrize("name", ["requests", "transitions"])
async def test_a_header_name_that_is_no_text_costs_its_batch_from_there_and_nothing_else(
    cell: Cell, name: str
):
    good = {"requests": good_batch, "transitions": good_effect}[name]
    topic = {"requests": cell.topics.requests, "transitions": cell.topics.transitions}[name]
    async with hook() as hears:
        await cell.alert({"url": hears.url, "on": ["cooldown"]})
        before = await sent(cell, topic, [good(101), good(102)])
        bad = structs.replace(good(103), headers=((NotUtf8("x"), b"1"), *good(103).headers))
        first = await in_one_batch(cell, topic, [good(200), bad, good(201)])
        assert first == before[-1].offset + 1
        await sent(cell, topic, [good(999)])
        async with reacting(cell):
            await expected(cell, [("bad_header", first + 1), ("bad_header", first + 2)])
            await until(lambda: finished(cell, hears, name), timeout_s=PATIENCE_S, what="the last good one")
    if name == "requests":
        assert set(await cell.kept()) == {f"req{n:06d}" for n in (101, 102, 200, 999)}
    else:
        assert hears.ids == [f"routing-1:{n}:0" for n in (101, 102, 200, 999)]


async def test_copies_that_say_nothing_of_their_letter_are_put_away_and_the_next_is_told(cell: Cell):
    async with hook() as hears:
        await cell.alert({"url": hears.url, "on": ["dead_letter"]})
        good = OutRecord(
            key=b"k",
            value=None,
            headers=(("dead_id", b"t:0:1"), ("dead_consumer", b"routing-1"), ("dead_reason", b"null_value")),
        )
        odd = [
            changed(good, headers=()),
            changed(good, value=MEBIBYTE[: 900 * 1024], headers=(*good.headers, ("dead_detail", NOT_UTF8))),
            changed(good, headers=good.headers[:1]),
        ]
        async with reacting(cell):
            places = await sent(cell, cell.topics.dead_letters, [*odd, good])
            await expected(cell, [("bad_header", places[0].offset), ("bad_header", places[2].offset)])
            await until(lambda: len(hears.heard) >= 2, timeout_s=PATIENCE_S, what="what can be told")
    assert set(hears.ids) == {"routing-1:t:0:1"}
    assert all(one.event["data"]["reason"] == "null_value" for one in hears.heard)
