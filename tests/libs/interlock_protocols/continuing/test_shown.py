"""What a client was shown is remembered as texts, within a bound, and only read when it must be."""

from interlock_protocols.choices.joiner import ChatJoiner
from interlock_protocols.continuing.joiner import Event, Said
from interlock_protocols.continuing.shown import MAX_SHOWN, READ_AT, Shown
from tests.libs.interlock_protocols.chunks import COMMENT, DONE, HELLO, ROLE, STOP, WORLD, chunk


class Reading(ChatJoiner):
    """Counts the events it was asked about."""

    read = 0

    def said(self, event: Event) -> list[Said]:
        self.read += 1
        return super().said(event)


def test_texts_add_up_by_place():
    shown = Shown(ChatJoiner())
    shown.sent(COMMENT + ROLE + HELLO)
    shown.sent(WORLD + chunk({"reasoning": "hm"}) + chunk({"content": "two"}, index=1))
    assert shown.texts() == {(0, "content"): "hello wörld", (0, "reasoning"): "hm", (1, "content"): "two"}
    shown.sent(STOP + DONE)
    assert (shown.texts() or {})[0, "finish_reason", 0] == "stop"


def test_nothing_is_read_until_there_is_enough_of_it():
    joiner = Reading()
    shown = Shown(joiner)
    shown.sent(HELLO)
    assert joiner.read == 0
    while joiner.read == 0:
        shown.sent(HELLO)
    assert joiner.read == READ_AT // len(HELLO) + 1


def test_more_than_the_bound_is_forgotten():
    shown = Shown(ChatJoiner(), limit=9)
    shown.sent(HELLO)
    assert shown.texts() == {(0, "content"): "hello"}
    shown.sent(HELLO)
    assert shown.texts() is None
    shown.sent(HELLO)
    assert shown.texts() is None
    assert shown.lost


def test_a_long_answer_keeps_no_more_than_its_texts():
    shown = Shown(ChatJoiner())
    event = chunk({"content": "x" * 1000})
    for _ in range(MAX_SHOWN // 1000):
        shown.sent(event)
    texts = shown.texts()
    assert texts is not None
    assert len(texts[0, "content"]) == MAX_SHOWN // 1000 * 1000
    shown.sent(event)
    assert shown.texts() is None
