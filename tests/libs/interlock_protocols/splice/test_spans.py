"""Spans are found in any spelling of JSON, and nothing of what they hold is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.splice.spans import MAX_TOKENS, elements, member, top_member, value_end


def test_members_are_found_by_name_and_the_last_of_a_name_counts():
    text = b' { "a" : 1 , "b":{"a":2}, "\\u0061" : [ "}" , {} ] }'
    span = member(text, 1, "a")
    assert span is not None
    assert text[slice(*span)] == b'[ "}" , {} ]'
    assert top_member(text, "a") == span
    assert member(text, 1, "c") is None
    assert top_member(text, "c") is None


def test_a_name_is_none_where_it_is_a_value():
    assert top_member(b'{"x":"a","y":["a"],"z":{"a":1}}', "a") is None


def test_elements_are_found_in_order():
    text = b'[ 1 ,"]",{"a":[2]} , null,[]\n]'
    assert [text[slice(*span)] for span in elements(text, 0)] == [b"1", b'"]"', b'{"a":[2]}', b"null", b"[]"]
    assert list(elements(b"[ ]", 0)) == []


@pytest.mark.parametrize("text", [b"", b'"a', b"[[", b'{"a":[', b"{,"])
@pytest.mark.parametrize(
    "search",
    [
        lambda text: value_end(text, 0),
        lambda text: list(elements(text, 0)),
        lambda text: member(text, 0, "a"),
    ],
)
def test_what_is_cut_off_is_an_error_and_no_endless_search(text, search):
    with pytest.raises(ValueError):  # noqa: PT011  every one of them says what is missing
        search(text)


def test_a_text_of_a_million_values_is_not_searched():
    assert top_member(b'{"x":[' + b"[]," * (MAX_TOKENS // 2) + b'0],"a":1}', "a") is None


KEYS = st.sampled_from(["a", "b", "é", 'q"', "\\", "model", "\n"]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_member_is_where_the_parser_found_it(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    for name, held in value.items():
        if not _is_text(name):
            continue
        for span in (member(text, 0, name), top_member(text, name)):
            assert span is not None
            assert json.loads(text[slice(*span)]) == held
    assert value_end(text, 0) == len(text)


def _is_text(name: Any) -> bool:
    """Half a surrogate pair is no name that a body could have."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
