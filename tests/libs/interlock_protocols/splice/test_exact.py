"""JSON that is read and written again keeps its numbers, its order and its text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.splice.exact import Number, parse, write

NUMBERS = ["1.0", "1", "-0", "0.10", "1e400", "1E+2", "123456789012345678901234567890", "9" * 5000]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_stays_its_own_text(text):
    assert write(parse(text.encode())) == text.encode()


def test_members_keep_their_order_and_the_last_of_a_name_counts():
    assert write(parse(b'{"b":1,"a":{"z":[],"y":{}},"b":2}')) == b'{"b":2,"a":{"z":[],"y":{}}}'


def test_numbers_are_equal_by_their_text_and_nothing_else_equals_them():
    assert parse(b"[1,1]")[0] == parse(b"1")
    assert parse(b"1") != parse(b"1.0")
    assert parse(b"1") not in (True, 1, 1.0)
    assert len({parse(b"1"), parse(b"1"), parse(b"1.0")}) == 2


@pytest.mark.parametrize(
    ("text", "whole"), [("1", True), ("-3", True), ("2.0", True), ("1.5", False), ("9" * 400, True)]
)
def test_a_whole_number_is_told_however_it_is_written(text, whole):
    assert Number(text).whole is whole


@pytest.mark.parametrize("text", [b"NaN", b"[Infinity]", b"{", b"\xff", b"'a'"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  json, unicode and our own: all are ValueErrors
        parse(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES, st.booleans())
def test_any_value_comes_back_as_it_was(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert json.loads(write(parse(text))) == value
    assert write(parse(write(parse(text)))) == write(parse(text))
