"""Another answer goes on where the first one broke, if and only if it says the same up to there."""

import json
from typing import Any

import pytest

from interlock_protocols.choices.joiner import ChatJoiner, CompletionJoiner
from interlock_protocols.continuing.continuation import MAX_HELD, Continuation
from interlock_protocols.continuing.joiner import Joiner, Mismatch
from interlock_protocols.continuing.shown import Shown
from interlock_protocols.errors import OwnError
from interlock_protocols.messages.joiner import MessagesJoiner
from interlock_protocols.responses.joiner import ResponsesJoiner
from interlock_protocols.responses.scanner import ResponsesScanner
from tests.libs.interlock_protocols.chunks import COMMENT, DONE, HELLO, ROLE, STOP, USAGE, WORLD, chunk, event
from tests.libs.interlock_protocols.messages.parts import (
    BEGIN,
    CLOSE,
    ENDING,
    PING,
    START,
    begin,
    delta,
    start,
    text,
)
from tests.libs.interlock_protocols.messages.parts import HELLO as HELLO_DELTA
from tests.libs.interlock_protocols.messages.parts import STOP as MESSAGE_STOP
from tests.libs.interlock_protocols.responses.events import (
    ANSWER,
    COMPLETED,
    CREATED,
    PREAMBLE,
    response,
)
from tests.libs.interlock_protocols.responses.events import HELLO as HELLO_TEXT
from tests.libs.interlock_protocols.responses.events import delta as text_delta


def after(joiner: Joiner, *sent: bytes) -> Continuation:
    """What is ready to continue a stream of which a client was shown these events."""
    shown = Shown(joiner)
    for piece in sent:
        shown.sent(piece)
    texts = shown.texts()
    assert texts is not None
    return Continuation(joiner, texts)


def fed(going_on: Continuation, *events: bytes) -> bytes | Mismatch:
    """Everything that went out, or why it cannot."""
    found = b""
    for each in events:
        out = going_on.feed(each)
        if isinstance(out, Mismatch):
            return out
        found += out
    return going_on.end() or found


def objects(out: bytes | Mismatch) -> list[Any]:
    assert isinstance(out, bytes)
    return [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: {")]


def deltas(out: bytes | Mismatch) -> list[dict[str, Any]]:
    return [value["choices"][0]["delta"] for value in objects(out) if value["choices"]]


def of(vendor: str, *events: bytes) -> list[bytes]:
    """The same chunks of another vendor."""
    return [each.replace(b"c-1", vendor.encode()) for each in events]


def test_nothing_goes_out_before_what_is_new():
    going_on = after(ChatJoiner(), ROLE + HELLO)
    assert going_on.end() is Mismatch.SHORTER
    assert [going_on.feed(each) for each in of("c-2", COMMENT, ROLE, HELLO)] == [b""] * 3
    assert going_on.end() is None
    [new] = objects(going_on.feed(of("c-2", WORLD)[0].replace(b"m-1", b"m-2")))
    assert (new["id"], new["model"], new["choices"][0]["delta"]) == ("c-1", "m-1", {"content": " wörld"})
    assert going_on.end() is None


def test_the_event_that_says_more_is_cut_to_what_is_new():
    going_on = after(ChatJoiner(), ROLE, HELLO)
    more = chunk({"content": "hello wörld", "role": "assistant"}, logprobs=None)
    choice = {"index": 0, "delta": {"content": "hello wörld"}, "logprobs": {"content": [1]}, "seed": 10**30}
    assert deltas(fed(going_on, more)) == [{"content": " wörld"}]
    [cut] = objects(fed(after(ChatJoiner(), HELLO), event({"id": "c-2", "choices": [choice]})))
    assert cut["choices"] == [{"index": 0, "delta": {"content": " wörld"}, "logprobs": None, "seed": 10**30}]


def test_however_a_character_is_written_it_is_the_same():
    raw = 'data: {"choices":[{"index":0,"delta":{"content":" wö"}}]}\n\n'.encode()
    assert deltas(fed(after(ChatJoiner(), HELLO, raw), HELLO, WORLD)) == [{"content": "rld"}]


def test_what_need_not_change_keeps_its_bytes():
    choices = b'[{"index":0, "delta":{"content":"\\u0041"}, "p":1.10e-7}]'
    exact = b'data: {"id":"x","choices":%b,"q":123456789012345678901234}\n\n' % choices
    out = fed(after(ChatJoiner(), HELLO), HELLO, exact)
    assert out == exact.replace(b'"x"', b'"c-1"')


def test_the_end_of_the_new_answer_is_passed_on():
    out = fed(after(ChatJoiner(), HELLO), ROLE, HELLO, STOP, *of("c-2", USAGE), DONE)
    last, usage = objects(out)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (usage["id"], usage["usage"]["completion_tokens"]) == ("c-1", 2)
    assert isinstance(out, bytes)
    assert out.endswith(DONE)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((ROLE, chunk({"content": "help"})), Mismatch.DIFFERS),
        ((ROLE, chunk({"content": "Hello"})), Mismatch.DIFFERS),
        ((chunk({"refusal": "no"}),), Mismatch.DIFFERS),
        ((chunk({"reasoning_content": "hm"}), HELLO), Mismatch.DIFFERS),
        ((chunk({"content": "hell"}), STOP), Mismatch.DIFFERS),
        ((chunk({"content": "hell"}), DONE), Mismatch.SHORTER),
        ((chunk({"content": "hell"}),), Mismatch.SHORTER),
        ((chunk({"content": "hello"}, index=1),), Mismatch.SHORTER),
    ],
)
def test_another_answer_does_not_go_on(events, why):
    assert fed(after(ChatJoiner(), ROLE, HELLO), *events) is why


def test_thinking_longer_and_then_saying_the_same_is_another_answer():
    thought, more = chunk({"reasoning_content": "hm"}), chunk({"reasoning_content": "hm, no"})
    assert fed(after(ChatJoiner(), thought, HELLO), more, HELLO, WORLD) is Mismatch.DIFFERS
    assert deltas(fed(after(ChatJoiner(), thought), more)) == [{"reasoning_content": ", no"}]


def test_two_fields_that_say_the_same_beside_each_other_are_both_cut():
    def both(said: str) -> bytes:
        return chunk({"reasoning": said, "reasoning_details": [{"index": 0, "type": "t", "text": said}]})

    out = fed(after(ChatJoiner(), both("think"), both("ing")), both("thinking it over"))
    [new] = deltas(out)
    assert new == {
        "reasoning": " it over",
        "reasoning_details": [{"index": 0, "type": "t", "text": " it over"}],
    }


def call(index: int = 0, *, arguments: str = "", **more: Any) -> dict[str, Any]:
    name = {"name": more.pop("name")} if "name" in more else {}
    return {"index": index, "function": {**name, "arguments": arguments}, **more}


def calls(*calls_of_one_chunk: dict[str, Any]) -> bytes:
    return chunk({"tool_calls": list(calls_of_one_chunk)})


def test_a_call_of_a_tool_goes_on_inside_its_arguments_under_the_id_it_was_announced_with():
    sent = calls(call(id="a", name="read")), calls(call(arguments='{"pa'))
    again = calls(call(id="b", name="read", arguments='{"path": ')), calls(call(arguments='"x"}', id="b"))
    out = deltas(fed(after(ChatJoiner(), *sent), *again))
    assert out == [
        {"tool_calls": [{"index": 0, "function": {"arguments": 'th": '}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"x"}'}}]},
    ]


def test_a_further_call_has_the_id_of_its_own():
    sent = calls(call(id="a", name="read", arguments="{}"))
    out = fed(
        after(ChatJoiner(), sent), calls(call(id="b", name="read", arguments="{}")), calls(call(1, id="c"))
    )
    assert deltas(out) == [{"tool_calls": [{"index": 1, "function": {"arguments": ""}, "id": "c"}]}]


@pytest.mark.parametrize("other", [{"name": "write"}, {"arguments": "[]"}, {"index": 1}])
def test_a_call_of_another_tool_or_with_other_arguments_does_not_go_on(other):
    sent = calls(call(id="a", name="read", arguments='{"pa'))
    again = calls(call(**{"id": "b", "name": "read", "arguments": '{"path"}', **other}))
    assert isinstance(fed(after(ChatJoiner(), sent), again), Mismatch)


def test_fragments_of_one_call_beside_each_other_are_each_cut_where_they_stand():
    sent = calls(call(id="a", name="read", arguments="xxab"))
    again = calls(call(id="b", name="read", arguments="xx"), call(arguments="abc"), call(arguments="xx"))
    [new] = deltas(fed(after(ChatJoiner(), sent), again))
    arguments = [each["function"].get("arguments") for each in new["tool_calls"]]
    assert arguments == [None, "c", "xx"]


def test_what_cannot_be_cut_must_be_the_same_as_a_whole():
    image = chunk({"images": [{"image_url": {"url": "data:AAAA"}}]})
    larger = chunk({"images": [{"image_url": {"url": "data:AAAAB"}}]})
    assert deltas(fed(after(ChatJoiner(), image), image, HELLO)) == [{"content": "hello"}]
    assert fed(after(ChatJoiner(), image), larger) is Mismatch.DIFFERS
    assert len(deltas(fed(after(ChatJoiner(), image), image, image))) == 1
    beside = chunk({"images": [{"image_url": {"url": "data:AAAA"}}], "content": "hello"})
    assert fed(after(ChatJoiner(), image), beside) is Mismatch.UNCUT


def test_choices_catch_up_each_in_its_own_time_and_go_on_together():
    one, two = chunk({"content": "one"}), chunk({"content": "two"}, index=1)
    going_on = after(ChatJoiner(), one, two)
    assert going_on.feed(one + chunk({"content": " more"})) == b""
    assert not going_on.matched
    out = going_on.feed(chunk({"content": "two and"}, index=1))
    assert deltas(out) == [{"content": " more"}, {"content": " and"}]
    assert deltas(going_on.feed(chunk({"content": "!"}))) == [{"content": "!"}]


def test_a_choice_that_had_ended_is_not_ended_again():
    ended = chunk({"content": "one"}, finish_reason="stop")
    going_on = after(ChatJoiner(), ended, chunk({"content": "two"}, index=1))
    out = fed(going_on, ended, chunk({"content": "two!"}, index=1), chunk({}, index=1, finish_reason="stop"))
    reasons = [each["choices"][0]["finish_reason"] for each in objects(out)]
    assert reasons == [None, "stop"]


def test_a_choice_may_not_run_ahead_without_end():
    going_on = after(ChatJoiner(), HELLO, chunk({"content": "two"}, index=1))
    assert going_on.feed(HELLO) == b""
    assert going_on.feed(chunk({"content": "x" * MAX_HELD})) is Mismatch.APART


def test_completions_go_on_in_their_text():
    def said(text: str, vendor: str) -> bytes:
        return event({"id": vendor, "choices": [{"index": 0, "text": text, "logprobs": {"tokens": [text]}}]})

    out = fed(
        after(CompletionJoiner(), said("one", "a")), said("on", "b"), said("e two", "b"), said("!", "b")
    )
    first, second = objects(out)
    assert first == {"id": "a", "choices": [{"index": 0, "text": " two", "logprobs": None}]}
    assert second == {"id": "a", "choices": [{"index": 0, "text": "!", "logprobs": {"tokens": ["!"]}}]}


def test_a_message_goes_on_in_its_block_without_a_second_start():
    going_on = after(MessagesJoiner(), START + PING + BEGIN + HELLO_DELTA)
    out = fed(going_on, START, PING, BEGIN, text("hello w"), text("örld"), PING, CLOSE, ENDING, MESSAGE_STOP)
    assert objects(out)[0]["delta"] == {"type": "text_delta", "text": " w"}
    assert isinstance(out, bytes)
    assert out.endswith(text("örld") + PING + CLOSE + ENDING + MESSAGE_STOP)
    assert out.count(b"event: ") == 6


@pytest.mark.parametrize(
    ("again", "why"),
    [
        ((START, BEGIN, text("help")), Mismatch.DIFFERS),
        ((START, BEGIN, text("hell"), CLOSE), Mismatch.DIFFERS),
        ((START, BEGIN, text("hell"), ENDING), Mismatch.DIFFERS),
        ((START, begin(type="thinking", thinking="")), Mismatch.DIFFERS),
        ((START, begin(type="text", text="hello w")), Mismatch.UNCUT),
        ((START, BEGIN, text("hell")), Mismatch.SHORTER),
    ],
)
def test_another_message_does_not_go_on(again, why):
    assert fed(after(MessagesJoiner(), START, BEGIN, HELLO_DELTA), *again) is why


def test_a_tool_in_a_message_keeps_its_id_and_its_name():
    tool = begin(1, type="tool_use", id="toolu_1", name="read", input={})
    fragment = delta("input_json_delta", 1, partial_json='{"path')
    sent = START + BEGIN + HELLO_DELTA + CLOSE + tool + fragment
    other = tool.replace(b"toolu_1", b"toolu_2")
    again = (
        START + BEGIN + HELLO_DELTA + CLOSE + other + delta("input_json_delta", 1, partial_json='{"path": 1}')
    )
    out = fed(after(MessagesJoiner(), sent), again)
    assert isinstance(out, bytes)
    assert json.loads(out.split(b"data: ")[1])["delta"]["partial_json"] == '": 1}'
    assert fed(after(MessagesJoiner(), sent), again.replace(b'"read"', b'"write"')) is Mismatch.DIFFERS


def test_a_signature_may_be_another_and_is_not_shown_twice():
    thinking = begin(type="thinking", thinking="", signature="") + delta("thinking_delta", thinking="hm")
    signed = delta("signature_delta", signature="one")
    sent = START + thinking + signed + CLOSE
    out = fed(after(MessagesJoiner(), sent), START + thinking, signed.replace(b"one", b"two"), CLOSE, ENDING)
    assert out == ENDING
    early = fed(after(MessagesJoiner(), START + thinking), START + thinking + signed + CLOSE)
    assert early == signed + CLOSE


def test_the_counts_of_the_answer_that_went_on_are_the_last_word():
    sent = start(input_tokens=12, cache_read_input_tokens=5, output_tokens=1) + BEGIN + HELLO_DELTA
    again = start(input_tokens=15, output_tokens=1) + BEGIN + HELLO_DELTA + CLOSE + ENDING
    out = fed(after(MessagesJoiner(), sent), again)
    assert isinstance(out, bytes)
    usage = json.loads(out.rsplit(b"data: ", 1)[1])["usage"]
    assert usage == {"output_tokens": 9, "input_tokens": 15, "cache_read_input_tokens": 0}


def test_a_response_goes_on_under_its_ids_and_numbers():
    sent = PREAMBLE + HELLO_TEXT
    again = ANSWER.replace(b"resp_1", b"resp_2").replace(b"msg_1", b"msg_2").replace(b"m-1", b"m-2") + DONE
    out = fed(after(ResponsesJoiner(), sent), again)
    assert isinstance(out, bytes)
    assert not any(other in out for other in (b"resp_2", b"msg_2", b"m-2"))
    values = objects(out)
    assert [value["sequence_number"] for value in values] == [5, 6, 7, 8, 9]
    assert values[0]["delta"] == " wörld"
    assert values[-1]["response"]["output"][0]["content"][0]["text"] == "hello wörld"
    assert out.endswith(DONE)


def test_an_event_of_a_response_is_cut():
    out = fed(after(ResponsesJoiner(), PREAMBLE, HELLO_TEXT), PREAMBLE, text_delta(7, "hello wörld"))
    assert isinstance(out, bytes)
    value = json.loads(out.split(b"data: ")[1])
    assert (value["delta"], value["logprobs"], value["sequence_number"]) == (" wörld", [], 5)


def test_a_response_that_says_something_else_does_not_go_on():
    sent = PREAMBLE + text_delta(4, "hello") + text_delta(5, " there")
    assert fed(after(ResponsesJoiner(), sent), ANSWER) is Mismatch.DIFFERS
    short = CREATED + COMPLETED
    assert fed(after(ResponsesJoiner(), PREAMBLE + HELLO_TEXT), short) is Mismatch.DIFFERS


def test_numbers_go_on_from_the_last_one_sent_even_before_it_was_read_back():
    joiner = ResponsesJoiner()
    shown = Shown(joiner)
    shown.sent(PREAMBLE + HELLO_TEXT)
    going_on = Continuation(joiner, shown.texts() or {})
    numbers = []
    for part in (ANSWER, text_delta(50, "x"), text_delta(51, "y")):
        out = going_on.feed(part)
        assert isinstance(out, bytes)
        numbers += [value["sequence_number"] for value in objects(out)]
        shown.sent(out)
        if part is not ANSWER:
            shown.texts()
    assert numbers == [5, 6, 7, 8, 9, 10, 11]


def test_the_error_of_a_response_has_the_next_number_and_the_first_id():
    scanner = ResponsesScanner()
    scanner.feed(PREAMBLE + HELLO_TEXT)
    joiner = ResponsesJoiner()
    shown = Shown(joiner)
    shown.sent(PREAMBLE + HELLO_TEXT)
    shown.sent(text_delta(41))
    failed = shown.in_band(scanner, OwnError(502, "truncated", "broken"))
    value = json.loads(failed.split(b"data: ")[1])
    assert (value["sequence_number"], value["response"]["id"]) == (42, response()["id"])


def test_an_answer_too_deep_for_a_second_look_does_not_go_on():
    deep = (
        b'data: {"choices":[{"index":0,"delta":{"content":"hello","x":'
        + b"[" * 2000
        + b"]" * 2000
        + b"}}]}\n\n"
    )
    assert after(ChatJoiner(), HELLO).feed(deep) is Mismatch.UNCUT
    shown = Shown(ChatJoiner())
    shown.sent(deep)
    assert shown.texts() is None
    assert shown.lost
