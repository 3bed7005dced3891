"""The rest of an answer is asked for by the client's own body, with what it was shown spliced in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.continuing.joiner import Path
from interlock_protocols.continuing.prefill import (
    NoPrefill,
    Prefill,
    prefill_chat,
    prefill_completion,
    prefill_messages,
)

USER = {"role": "user", "content": "hi"}
Texts = dict[Path, str]
TEXT: Texts = {(0, "content"): "so far"}
BLOCK: Texts = {(0, 0, "begins", 0): "text", (0, 0, "text"): "so far"}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **fields}).encode()


def test_the_text_becomes_an_assistants_message_and_every_other_byte_stays():
    before = b'{"messages" : [ {"role":"user","content":"\\u0068]}"} ] ,"n":1,"seed":12345678901234567890123}'
    made = prefill_chat(before, TEXT, 0)
    assert isinstance(made, Prefill)
    message = b',{"role":"assistant","content":"so far"}'
    end = before.index(b" ] ,") + 1
    assert made.body == before[:end] + message + before[end:]
    assert made.texts == {(0, "content"): ""}


def test_the_anthropic_form_goes_on_inside_the_block_that_had_begun():
    made = prefill_messages(body(system="be brief"), BLOCK, 0)
    assert isinstance(made, Prefill)
    assert json.loads(made.body)["messages"] == [USER, {"role": "assistant", "content": "so far"}]
    assert made.texts == {(0, 0, "begins", 0): "text", (0, 0, "text"): ""}


def test_a_prompt_grows_by_what_was_said():
    made = prefill_completion(b'{"prompt":"Say \\"', {(0, "text"): "x"}, 0)
    assert made is NoPrefill.FORM
    made = prefill_completion(b'{"prompt": "Say \\"hi\\": ", "max_tokens": 5}', {(0, "text"): '"hé\n'}, 0)
    assert isinstance(made, Prefill)
    assert json.loads(made.body) == {"prompt": 'Say "hi": "hé', "max_tokens": 5}
    assert made.texts == {(0, "text"): "\n"}


def test_blanks_at_the_end_are_left_to_the_answer():
    made = prefill_chat(body(), {(0, "content"): "so far \n"}, 0)
    assert isinstance(made, Prefill)
    assert json.loads(made.body)["messages"][-1]["content"] == "so far"
    assert made.texts == {(0, "content"): " \n"}


NO_TEXT: list[Texts] = [
    {},
    {(0, "content"): " "},
    {(1, "content"): "x"},
    {**TEXT, (1, "content"): "x"},
    {**TEXT, (0, "reasoning_content"): "x"},
    {**TEXT, (0, "tool_calls", 0, "function", "arguments"): "{"},
    {**TEXT, (0, "finish_reason", 0): "stop"},
]


@pytest.mark.parametrize("texts", NO_TEXT)
def test_only_a_plain_text_is_continued(texts):
    assert prefill_chat(body(), texts, 0) is NoPrefill.NOT_TEXT


NO_BLOCK: list[Texts] = [
    {},
    {(0, 0, "begins", 0): "thinking", (0, 0, "thinking"): "x"},
    {**BLOCK, (0, 0, "ends", 0): "ends"},
    {**BLOCK, (0, 0, "citations", 0): "{}"},
    {(0, 1, "begins", 0): "text", (0, 1, "text"): "x"},
]


@pytest.mark.parametrize("texts", NO_BLOCK)
def test_only_one_open_block_of_text_is_continued(texts):
    assert prefill_messages(body(), texts, 0) is NoPrefill.NOT_TEXT


@pytest.mark.parametrize(("limit", "left"), [(10, 7), (3, 1), (2, 1), (None, None), ("x", "x")])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_what_was_shown_counts_against_the_limit_of_tokens(name, limit, left):
    for before in (
        body(**{name: limit}),
        b'{"%b" : ' % name.encode() + json.dumps(limit).encode() + b"," + body()[1:],
    ):
        made = prefill_chat(before, TEXT, 3)
        assert isinstance(made, Prefill)
        assert json.loads(made.body)[name] == left
        assert json.loads(made.body)["messages"][-1]["content"] == "so far"


def test_an_assistant_who_had_the_word_does_not_get_it_twice():
    last = [USER, {"role": "assistant", "content": "I"}]
    assert prefill_chat(body(messages=last), TEXT, 0) is NoPrefill.ASSISTANT_LAST
    assert isinstance(prefill_chat(body(messages=[*last, USER]), TEXT, 0), Prefill)


@pytest.mark.parametrize("fields", [{"n": 2}, {"messages": []}, {"messages": "x"}])
def test_a_form_without_a_place_for_the_text(fields):
    assert prefill_chat(body(**fields), TEXT, 0) is NoPrefill.FORM


@pytest.mark.parametrize(
    "fields",
    [{"prompt": ["a"]}, {"prompt": [1, 2]}, {"echo": True}, {"suffix": "x"}, {"best_of": 2}, {"n": 2}, {}],
)
def test_a_prompt_without_a_place_for_the_text(fields):
    prompt = {} if not fields else {"prompt": "a"}
    assert (
        prefill_completion(json.dumps({**prompt, **fields}).encode(), {(0, "text"): "x"}, 0) is NoPrefill.FORM
    )


def test_the_last_of_two_fields_counts_as_parsers_have_it():
    twice = b'{"messages":[{"a":"messages"}],"x":{"messages":[]},"m\\u0065ssages":[{"b":[[]]}]}'
    made = prefill_chat(twice, TEXT, 0)
    assert isinstance(made, Prefill)
    assert json.loads(made.body)["messages"] == [{"b": [[]]}, {"role": "assistant", "content": "so far"}]
    assert prefill_chat(b'{"messages":[{}],"messages":1}', TEXT, 0) is NoPrefill.FORM


def test_a_body_too_deep_for_a_second_look_has_no_place():
    assert (
        prefill_chat(b'{"messages":[{}],"x":' + b"[" * 3000 + b"]" * 3000 + b"}", TEXT, 0) is NoPrefill.FORM
    )


values = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", "messages", "[", "]", "}{"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.just("messages") | st.just("prompt"), inner, max_size=3)
    ),
    max_leaves=12,
)
fields = st.dictionaries(st.text(max_size=6), values, max_size=4)


@given(
    fields,
    st.lists(values, min_size=1, max_size=4),
    fields,
    st.text(min_size=1).filter(str.strip),
    st.booleans(),
)
def test_whatever_stands_around_it_the_text_lands_at_the_end_of_the_messages(
    before, messages, after, said, ascii
):
    for each in (before, after):
        each.pop("n", None)
    after.pop("messages", None)
    request = {**before, "messages": messages, **after}
    made = prefill_chat(json.dumps(request, ensure_ascii=ascii).encode(), {(0, "content"): said}, 0)
    if isinstance(messages[-1], dict) and messages[-1].get("role") == "assistant":
        assert made is NoPrefill.ASSISTANT_LAST
        return
    assert isinstance(made, Prefill)
    message = {"role": "assistant", "content": said.rstrip()}
    assert json.loads(made.body) == {**request, "messages": [*messages, message]}
    assert said.rstrip() + made.texts[0, "content"] == said


@given(fields, st.text(), fields, st.text(min_size=1).filter(str.strip))
def test_whatever_stands_around_it_the_text_lands_at_the_end_of_the_prompt(before, prompt, after, said):
    after.pop("prompt", None)
    request = {**before, "prompt": prompt, **after}
    made = prefill_completion(json.dumps(request).encode(), {(0, "text"): said}, 0)
    if any(request.get(key) for key in ("echo", "suffix", "best_of")) or request.get("n") not in (None, 1):
        assert made is NoPrefill.FORM
        return
    assert isinstance(made, Prefill)
    assert json.loads(made.body) == {**request, "prompt": prompt + said.rstrip()}
