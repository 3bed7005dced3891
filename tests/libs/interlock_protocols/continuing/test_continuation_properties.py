"""However two vendors cut an answer, wherever the first of them breaks: the client ends with all of it."""

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from interlock_protocols.choices.joiner import ChatJoiner, CompletionJoiner
from interlock_protocols.continuing.continuation import Continuation
from interlock_protocols.continuing.joiner import Joiner, Mismatch
from interlock_protocols.continuing.shown import Shown
from interlock_protocols.messages.joiner import MessagesJoiner
from interlock_protocols.responses.joiner import ResponsesJoiner
from interlock_protocols.streams.scanner import EventScanner
from interlock_protocols.streams.verdict import End, Verdict
from interlock_protocols.surfaces import CHAT, COMPLETIONS, MESSAGES, RESPONSES
from tests.libs.interlock_protocols.spoken import (
    Part,
    Speaks,
    chat,
    completion,
    messages,
    read_choices,
    read_messages,
    read_responses,
    responses,
)

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=4)
spoken = st.lists(
    st.tuples(st.sampled_from(["thought", "text", "read", "write"]), texts), min_size=1, max_size=4
)
kinds_once = spoken.map(lambda parts: list({kind: (kind, text) for kind, text in parts}.values()))
"""Chat adds thoughts and texts up, whatever stands between them, so one of each says all."""


def shown(joiner: Joiner, sent: bytes) -> Shown:
    memory = Shown(joiner)
    memory.sent(sent)
    return memory


def resumed(joiner: Joiner, sent: bytes, again: list[bytes]) -> bytes | Mismatch:
    """What the client has in all, after the new answer was fed event by event."""
    memory = shown(joiner, sent)
    known = memory.texts()
    assert known is not None
    going_on = Continuation(joiner, known)
    for each in again:
        out = going_on.feed(each)
        if isinstance(out, Mismatch):
            return out
        memory.sent(out)
        sent += out
    return going_on.end() or sent


def goes_out(scanner: EventScanner, stream: bytes) -> None:
    """The client's stream is one that the scanner of its API takes for a whole answer."""
    assert scanner.feed(stream) in (Verdict.COMMIT, Verdict.PASS), scanner.error
    assert scanner.end() is End.COMPLETE


@given(kinds_once, sizes, sizes, st.integers(1, 40))
@example([("text", "Hé 👋")], [1], [9], 3)
def test_chat(parts: list[Part], first: list[int], second: list[int], events: int):
    one, two = chat(parts, "a", first), chat(parts, "bb", second)
    cut = min(events, len(one) - 1)
    whole = resumed(ChatJoiner(), b"".join(one[:cut]), two)
    assert isinstance(whole, bytes), whole
    told, expected = read_choices(whole), read_choices(b"".join(one))
    for found in (told, expected):  # a call has the id of whoever announced it, and only once
        for key, call in found["choices"][0].items():
            assert key[0] != "call" or re.fullmatch(rf"call-(a|bb)-{key[1]}", call.pop("id"))
    assert told == expected
    goes_out(CHAT.scanner(hold_events=8, hold_bytes=65536), whole)  # type: ignore[misc]


@given(texts, texts, sizes, sizes, st.integers(1, 12), st.randoms(use_true_random=False))
def test_choices_that_run_beside_each_other(
    one: str, two: str, first: list[int], second: list[int], events: int, chance: Any
):
    def mixed(vendor: str, cuts: list[int]) -> list[bytes]:
        lanes = [chat([("text", text)], vendor, cuts, i)[:-1] for i, text in enumerate((one, two))]
        order = [0] * len(lanes[0]) + [1] * len(lanes[1])
        chance.shuffle(order)
        return [*(lanes[lane].pop(0) for lane in order), b"data: [DONE]\n\n"]

    before, after = mixed("a", first), mixed("bb", second)
    cut = min(events, len(before) - 1)
    whole = resumed(ChatJoiner(), b"".join(before[:cut]), after)
    assert isinstance(whole, bytes), whole
    told = read_choices(whole)
    assert [told["choices"][i]["content"] for i in (0, 1)] == [one, two]
    assert [told["choices"][i]["finish"] for i in (0, 1)] == ["stop", "stop"]
    assert (len(told["names"]), told["done"]) == (1, True)


@given(texts, sizes, sizes, st.integers(1, 30))
def test_completions(text: str, first: list[int], second: list[int], events: int):
    one, two = completion([("text", text)], "a", first), completion([("text", text)], "bb", second)
    whole = resumed(CompletionJoiner(), b"".join(one[: min(events, len(one) - 2)]), two)
    assert isinstance(whole, bytes), whole
    assert read_choices(whole) == read_choices(b"".join(one))
    goes_out(COMPLETIONS.scanner(hold_events=8, hold_bytes=65536), whole)  # type: ignore[misc]


@given(spoken, sizes, sizes, st.integers(1, 60))
def test_messages(parts: list[Part], first: list[int], second: list[int], events: int):
    one, two = messages(parts, "a", first), messages(parts, "bb", second)
    cut = min(events, len(one) - 2)
    whole = resumed(MessagesJoiner(), b"".join(one[:cut]), two)
    assert isinstance(whole, bytes), whole
    told, expected = read_messages(whole), read_messages(b"".join(one))
    for found in (told, expected):  # each is signed, and known, by whoever finished it
        for block in found["blocks"]:
            assert re.fullmatch("signed-(a|bb)", block.pop("signature", "signed-a"))
            assert re.fullmatch("toolu-(a|bb)", block.pop("id", "toolu-a"))
    expected["usage"]["input_tokens"] = 2
    assert told == expected
    goes_out(MESSAGES.scanner(hold_events=8, hold_bytes=65536), whole)  # type: ignore[misc]


@given(spoken, sizes, sizes, st.integers(1, 60))
def test_responses(parts: list[Part], first: list[int], second: list[int], events: int):
    one, two = responses(parts, "a", first), responses(parts, "bb", second)
    cut = min(events, len(one) - 2)
    whole = resumed(ResponsesJoiner(), b"".join(one[:cut]), two)
    assert isinstance(whole, bytes), whole
    told, expected = read_responses(whole), read_responses(b"".join(one))
    assert told["numbers"] == list(range(len(told["numbers"])))
    assert told["ids"] == {"resp-a"}
    assert (told["texts"], told["done"]) == (expected["texts"], expected["done"])
    shown = read_responses(b"".join(one[:cut]))["whole"]
    for index, item in enumerate(told["response"]["output"]):
        assert {(item["id"], item.get("call_id"))} == set(told["items"][index])
        assert item == shown.get(index, item)
    goes_out(RESPONSES.scanner(hold_events=8, hold_bytes=65536), whole)  # type: ignore[misc]


SPEAKS: list[tuple[Speaks, type[Joiner]]] = [
    (chat, ChatJoiner),
    (completion, CompletionJoiner),
    (messages, MessagesJoiner),
    (responses, ResponsesJoiner),
]


@given(st.sampled_from(SPEAKS), kinds_once, kinds_once, sizes, sizes, st.integers(1, 60))
def test_an_answer_goes_on_only_if_all_of_it_begins_with_what_was_shown(
    speaks: tuple[Speaks, type[Joiner]],
    parts: list[Part],
    other: list[Part],
    first: list[int],
    second: list[int],
    events: int,
):
    say, joiner = speaks
    one = say(parts, "a", first)
    sent = b"".join(one[: min(events, len(one) - 2)])
    whole = resumed(joiner(), sent, say(other, "bb", second))
    before = shown(joiner(), sent).texts()
    said = shown(joiner(), b"".join(say(other, "bb", second))).texts()
    assert before is not None
    assert said is not None
    if not all(said.get(path, "").startswith(text) for path, text in before.items()):
        assert isinstance(whole, Mismatch)
    elif isinstance(whole, bytes):
        assert shown(joiner(), whole).texts() == said


@given(st.sampled_from(SPEAKS), kinds_once, sizes, sizes, sizes, st.integers(1, 40), st.integers(1, 40))
def test_a_second_break_is_continued_like_the_first(
    speaks: tuple[Speaks, type[Joiner]],
    parts: list[Part],
    first: list[int],
    second: list[int],
    third: list[int],
    events: int,
    more: int,
):
    say, new = speaks
    one, two = say(parts, "a", first), say(parts, "bb", second)
    joiner = new()
    memory = shown(joiner, b"".join(one[: min(events, len(one) - 2)]))
    going_on = Continuation(joiner, memory.texts() or {})
    for each in two[: min(more, len(two) - 2)]:
        out = going_on.feed(each)
        assert isinstance(out, bytes)
        memory.sent(out)
    going_on = Continuation(joiner, memory.texts() or {})
    for each in say(parts, "ccc", third):
        out = going_on.feed(each)
        assert isinstance(out, bytes)
        memory.sent(out)
    assert going_on.end() is None
    assert memory.texts() == shown(new(), b"".join(one)).texts()
