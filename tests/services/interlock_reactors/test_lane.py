"""One receiver's lane over fakes: what is told, and what is put away under whose name."""

from collections.abc import Mapping

import pytest

from interlock_domain.catalog.key import Alert
from interlock_domain.projection.effects import Effect
from interlock_domain.words import EffectKind
from interlock_eventlog.adapters.memory_kept_letters import MemoryLetterKeeper
from interlock_reactors.alert import WORDS, of_effect
from interlock_reactors.delivery import PAUSES_S, Answered, Delivery, Unanswered
from interlock_reactors.keeping import FAMILY, Keeping
from interlock_reactors.lane import Lane
from interlock_reactors.receivers import Receiver
from interlock_reactors.taken import Taken
from interlock_runtime.kafka.connection import Topics
from tests.services.interlock_reactors.cell import opened, told

TOPICS = Topics("t")
URL = "https://hooks.example.com/secret-path"


class Post:
    """Answers by the id in the headers; unknown ones are taken."""

    def __init__(self, **answers: int | None) -> None:
        self._answers = answers
        self.ids: list[str] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        named = headers["webhook-id"]
        self.ids.append(named)
        status = self._answers.get(f"at_{named.split(':')[1]}", 200)
        if status is None:
            raise Unanswered("no answer")
        return Answered(status=status)


async def at_once(_: float) -> None:
    """No pause."""


def lane(post: Post, keeper: MemoryLetterKeeper, *on: str) -> Lane:
    delivery = Delivery(post, {}, wall_s=lambda: 1.0, sleep=at_once)
    receiver = Receiver(alert=Alert(url=URL, on=on), since=10, since_ms=1_000)
    return Lane(receiver, TOPICS, delivery=delivery, keeping=Keeping(keeper, away=(), sleep=at_once))


def taken(effect: Effect, offset: int) -> Taken:
    record = told(effect)
    return Taken(
        topic=TOPICS.transitions,
        partition=1,
        offset=offset,
        recorded_ms=2_000,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


def copy(consumer: str, id: str, *, recorded_ms: int = 2_000) -> Taken:
    given = {"dead_id": id, "dead_consumer": consumer, "dead_reason": "bad_json"}
    headers = tuple((name, value.encode()) for name, value in given.items())
    return Taken(topic=TOPICS.dead_letters, partition=0, offset=1, recorded_ms=recorded_ms, headers=headers)


async def test_what_is_never_taken_is_put_away_under_the_receivers_name_and_the_lane_goes_on():
    post, keeper = Post(at_11=None, at_12=404), MemoryLetterKeeper(FAMILY)
    one = lane(post, keeper, "cooldown")
    for offset, position in enumerate((11, 12, 13)):
        await one.take([taken(opened(position), offset)])
    letters = list(keeper.kept.values())
    assert [(letter.offset, letter.reason) for letter in letters] == [(0, "undelivered"), (1, "refused")]
    assert {letter.consumer for letter in letters} == {f"reactors/alerts/{one.receiver.name}"}
    assert post.ids == ["routing-1:11:0"] * (len(PAUSES_S) + 1) + ["routing-1:12:0", "routing-1:13:0"]
    assert one.outcomes == {"GaveUp": 1, "Refused": 1, "Told": 1}
    assert all("secret-path" not in letter.detail + letter.consumer for letter in letters)


async def test_what_nobody_can_read_is_put_away_under_the_name_of_all_lanes():
    post, keeper = Post(), MemoryLetterKeeper(FAMILY)
    bad = Taken(topic=TOPICS.transitions, partition=1, offset=5, recorded_ms=1, key=b"k", value=b"{")
    for name in ("cooldown", "quarantine"):
        await lane(post, keeper, name).take([bad, taken(opened(11), 6)])
    assert [(one.consumer, one.offset) for one in keeper.kept.values()] == [("reactors/alerts", 5)]
    assert post.ids == ["routing-1:11:0"]


async def test_without_words_a_receiver_hears_of_everything_that_has_one():
    post = Post()
    one = lane(post, MemoryLetterKeeper(FAMILY))
    kinds = list(EffectKind)
    await one.take([taken(opened(11 + n, kind=kind), n) for n, kind in enumerate(kinds)])
    assert post.ids == [f"routing-1:{11 + n}:0" for n, kind in enumerate(kinds) if kind in WORDS]
    assert one.reads == (TOPICS.transitions, TOPICS.dead_letters)


@pytest.mark.parametrize(
    ("found", "heard"),
    [
        (copy("routing-1", "t.events.v1:0:5"), True),
        (copy("reactors/alerts/another-12345678", "t.transitions.v1:0:5"), True),
        (copy("routing-1", "t.events.v1:0:5", recorded_ms=999), False),
        (copy("reactors/alerts/another-12345678", "t.dlq.v1:0:5"), False),
    ],
)
async def test_dead_letters_are_told_but_those_of_the_past_and_those_of_copies(found: Taken, heard: bool):
    post, keeper = Post(), MemoryLetterKeeper(FAMILY)
    await lane(post, keeper, "dead_letter").take([found])
    assert bool(post.ids) is heard
    assert not keeper.kept


async def test_a_receiver_is_not_told_of_its_own_dead_letters():
    post = Post()
    one = lane(post, MemoryLetterKeeper(FAMILY), "dead_letter")
    await one.take([copy(f"reactors/alerts/{one.receiver.name}", "t.transitions.v1:0:5")])
    assert post.ids == []


def test_every_kind_either_has_a_word_or_wakes_nobody():
    quiet = {"ProbeWindowOpened", "RampStarted", "RampEnded", "QuorumMissing", "StateExpired"}
    assert {kind.value for kind in EffectKind} - {kind.value for kind in WORDS} == quiet
    for kind in WORDS:
        assert of_effect("id", opened(11, kind=kind), "interlock") is not None


def test_any_log_time_can_be_written():
    for at_ms in (-1, 0, 2**62):
        effect = Effect(kind=EffectKind.TARGET_OUT, subject="target/a/b", position=1, n=0, at_ms=at_ms)
        assert of_effect("id", effect, "interlock") is not None
