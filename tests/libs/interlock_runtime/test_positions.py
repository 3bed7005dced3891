"""YAML with positions: what is no YAML, what is not read, and what scalars become."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_runtime.positions import MAX_NODES, Document, Flaw, Spot, read_yaml


def raw_of(text: str) -> Any:
    document = read_yaml(text)
    assert isinstance(document, Document), document
    return document.raw


def flaw_of(text: str) -> tuple[int, int, str]:
    flaws = read_yaml(text)
    assert isinstance(flaws, tuple)
    return flaws[0].spot.line, flaws[0].spot.column, flaws[0].message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("yes", "yes"),
        ("off", "off"),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", 1000),
        ("007", 7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("2020-01-01", "2020-01-01"),
        ("1:30", "1:30"),
        ("'12'", "12"),
        ('"a"', "a"),
        ("15s", "15s"),
        ("env:A", "env:A"),
        ("=", "="),
        ("!!str 12", "12"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: Any) -> None:
    found = raw_of(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(raw_of("a: .nan")["a"])


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [1,\nb: }", 2, 4, "this is no YAML: expected the node content, but found '}'"),
        ("a: 1\n b: 2", 2, 3, "this is no YAML: mapping values are not allowed here"),
        ("a: 'x", 1, 6, "this is no YAML: found unexpected end of stream"),
        ("a: 1\n---\nb: 2", 2, 1, "this is no YAML: but found another document"),
        ("a: *x", 1, 4, "this is no YAML: found undefined alias 'x'"),
        ("ok: 1\na: \x07", 2, 4, "a character that YAML does not allow (special characters are not allowed)"),
        ("a: 1\nb: 2\na: 3", 3, 1, "duplicate key `a`: it is already in line 1"),
        ("? [a]\n: 1", 1, 3, "a key must be a single word"),
        ("x: &x {a: 1}\ny:\n  <<: *x", 3, 3, "merge keys (`<<`) are not read"),
        ("a: !python/object x", 1, 4, "the tag `!python/object` is not read"),
        ("a: !!set {x}", 1, 4, "the tag `tag:yaml.org,2002:set` is not read"),
        ("a: !thing [x]", 1, 4, "the tag `!thing` is not read"),
        ("a: &a [*a]", 1, 4, "an alias that contains itself"),
    ],
)
def test_what_is_not_read_is_told_with_its_spot(text: str, line: int, column: int, message: str) -> None:
    assert flaw_of(text) == (line, column, message)


def test_every_flaw_is_told() -> None:
    flaws = read_yaml("a: 1\na: 2\nb: !x 1\n")
    assert isinstance(flaws, tuple)
    assert len(flaws) == 2


def test_an_alias_stands_for_its_value() -> None:
    assert raw_of("a: &x {b: 1}\nc: *x") == {"a": {"b": 1}, "c": {"b": 1}}
    assert raw_of("a: &x 1\nb: &x 2\nc: *x") == {"a": 1, "b": 2, "c": 2}


def test_aliases_cannot_multiply_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    flaws = read_yaml("\n".join(lines))
    assert flaws == (Flaw(flaws[0].spot, f"the file holds more than {MAX_NODES} values, aliases counted"),)  # type: ignore[index]


def test_deep_nesting_is_told_and_not_a_crash() -> None:
    assert flaw_of("[" * 5000 + "]" * 5000) == (1, 51, "this is nested too deeply")
    chain = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 900))])
    assert flaw_of(chain)[2] == "this is nested too deeply"


def test_a_number_that_is_none_stays_text_and_a_huge_one_is_no_crash() -> None:
    assert raw_of("a: !!int abc\nb: !!float 1.x") == {"a": "abc", "b": "1.x"}
    assert raw_of("a: " + "9" * 9000) == {"a": "9" * 9000}
    assert raw_of("a: 0x" + "f" * 9000)["a"].bit_length() == 36_000


def test_spots_are_found_by_path_and_fall_back_to_what_is_around() -> None:
    document = read_yaml("pools:\n  chat:\n    - local/a\n    - local/b\n")
    assert isinstance(document, Document)
    assert document.spot(("pools",), on_key=True) == Spot(1, 1)
    assert document.spot(("pools", "chat"), on_key=True) == Spot(2, 3)
    assert document.spot(("pools", "chat"), on_key=False) == Spot(3, 5)
    assert document.spot(("pools", "chat", 1), on_key=False) == Spot(4, 7)
    assert document.spot(("pools", "chat", 7), on_key=False) == Spot(2, 3)
    assert document.spot(("nowhere",), on_key=False) == Spot(1, 1)
    assert document.spot((), on_key=False) == Spot(1, 1)


@given(st.text(max_size=60))
def test_any_text_is_a_document_or_a_flaw(text: str) -> None:
    found = read_yaml(text)
    assert isinstance(found, Document) or found


@given(st.text("ab:-[]{}&*! \n\"'#?|>0.~<", max_size=40))
def test_any_punctuation_is_a_document_or_a_flaw(text: str) -> None:
    found = read_yaml(text)
    assert isinstance(found, Document) or found
