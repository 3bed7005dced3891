"""What a simulated model says, and which tools it calls with what."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api
from interlock_testing.behaviour import Behaviour
from interlock_testing.voices.asked import read_asked
from interlock_testing.voices.parts import FRAGMENT, Part, Says, parts, text

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "function", "name", "parameters", "properties", "enum", "input_schema"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def said(behaviour: Behaviour, **fields: object) -> tuple[Part, ...]:
    body = json.dumps(fields).encode()
    return parts("atlas", read_asked(1, Api.CHAT, "/chat/completions", {}, body), behaviour)


def called(schema: object) -> object:
    """The arguments of a call of a tool with such parameters."""
    (call,) = said(
        Behaviour(chunks=0, tool_calls=1), tools=[{"type": "function", "name": "f", "parameters": schema}]
    )
    return call.arguments


def test_thoughts_words_and_calls_come_in_this_order():
    tools = [{"type": "function", "function": {"name": "a"}}, {"name": "b", "input_schema": {}}]
    found = said(Behaviour(thinking=1, chunks=2, tool_calls=3), tools=tools)
    assert [part.says for part in found] == [Says.THOUGHT, Says.TEXT, Says.CALL, Says.CALL, Says.CALL]
    assert [part.name for part in found] == ["", "", "a", "b", "a"]
    assert found[1].whole == text("atlas", 2)


def test_there_is_always_a_part():
    assert said(Behaviour(chunks=0)) == (Part(says=Says.TEXT, pieces=()),)
    assert said(Behaviour(chunks=0, tool_calls=1)) == (Part(says=Says.TEXT, pieces=()),)
    assert [part.says for part in said(Behaviour(chunks=0, thinking=1))] == [Says.THOUGHT]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tools": []},
        {"tools": [{}]},
        {"tools": 5},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
        {"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "none"}},
        {"functions": [{"name": "f"}]},
    ],
)
def test_only_tools_that_the_caller_runs_and_allows_are_called(fields):
    assert [part.says for part in said(Behaviour(tool_calls=1), **fields)] == [Says.TEXT]


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (None, {}),
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "atlas"}),
        ({"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}, {"a": "x"}),
        ({"type": "object", "properties": {"a": {"type": ["null", "boolean"]}}}, {"a": True}),
        (
            {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "array"}}},
            {"a": 0.5, "b": []},
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "object", "properties": {"b": {"type": "null"}}}},
            },
            {"a": {"b": None}},
        ),
    ],
)
def test_arguments_fit_the_schema(schema, arguments):
    assert called(schema) == arguments


@given(tools=st.lists(ANY, max_size=3), choice=ANY)
def test_any_tools_give_arguments_that_can_be_read(tools, choice):
    for part in said(Behaviour(tool_calls=2), tools=tools, tool_choice=choice):
        assert part.pieces
        if part.says is Says.CALL:
            assert json.loads(part.whole) == part.arguments
            assert all(0 < len(piece) <= FRAGMENT for piece in part.pieces)


SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}}},
        {"text": {"format": {"type": "json_schema", "name": "c", "schema": SCHEMA}}},
        {"output_format": {"type": "json_schema", "schema": SCHEMA}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ],
    ids=["chat", "responses", "messages, as a beta", "messages"],
)
def test_who_wants_json_by_a_schema_gets_it_in_pieces(fields):
    (part,) = said(Behaviour(chunks=2), **fields)
    assert part.says is Says.TEXT
    assert json.loads(part.whole) == {"name": "atlas", "age": 1}
    assert len(part.pieces) > 2


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_schema", "json_schema": 5}},
        {"response_format": "json_schema", "text": "json_schema", "output_config": ["json_schema"]},
        {"messages": [{"content": "what is a json_schema?"}], "json_schema": {"schema": SCHEMA}},
    ],
)
def test_everybody_else_gets_words(fields):
    (part,) = said(Behaviour(chunks=2), **fields)
    assert part.whole == text("atlas", 2)
