"""What counts as equal, listed and different; a comparison that finds nothing proves nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sdk.compare import ABSENT, Compared, Difference, Expected, Listed, Verdict, compared, differences

ID = Listed(name="id", reason="ours", paths=("seen.id",))
LOUD = Listed(
    name="loud",
    reason="better",
    cases=("broken/*",),
    silent=True,
    paths=("seen", "seen.*"),
    holds={"seen.raised.class": "x.*Error"},
)
EXPECTED = Expected(raises=("refused/*",), may=("broken/*",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


def judged(direct: Any, through: Any, case: str = "chat/unary") -> Compared:
    return compared(case, {"seen": direct}, {"seen": through}, listed=(ID, LOUD), expected=EXPECTED)


@given(JSON)
def test_a_value_differs_in_nothing_from_itself(value):
    assert list(differences(value, value)) == []


@given(JSON, JSON)
def test_values_that_are_written_differently_have_a_difference(direct, through):
    written = [json.dumps(value, sort_keys=True) for value in (direct, through)]
    assert bool(list(differences(direct, through))) is (written[0] != written[1])


@pytest.mark.parametrize(
    ("direct", "through", "path"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, "a.1"),
        ({"a": [1]}, {"a": [1, 2]}, "a.1"),
        ({"a": 1}, {}, "a"),
        ({"a": 1}, {"a": 1.0}, "a"),
        ({"a": 1}, {"a": True}, "a"),
        ({"a": None}, {}, "a"),
        ([], {}, ""),
    ],
)
def test_each_leaf_is_told_by_its_place(direct, through, path):
    assert [found.path for found in differences(direct, through)] == [path]


def test_what_is_absent_is_not_null():
    assert list(differences({"a": None}, {})) == [Difference("a", None, ABSENT)]


def test_two_equal_sides_are_equal():
    assert judged({"text": "hi"}, {"text": "hi"}) == Compared(Verdict.EQUAL)


def test_a_listed_difference_is_named_and_nothing_else_may_differ():
    assert judged({"id": 1, "text": "hi"}, {"id": 2, "text": "hi"}) == Compared(Verdict.LISTED, ("id",))
    found = judged({"id": 1, "text": "hi"}, {"id": 2, "text": "ho"})
    assert found == Compared(Verdict.DIFFERENT, ("id",), ("seen.text: 'hi' / 'ho'",))


def test_a_listed_difference_covers_its_own_cases_only():
    loud = {"raised": {"class": "x.APIError", "message": "m"}}
    assert judged("html", loud, "broken/html").verdict is Verdict.LISTED
    assert judged("html", loud, "chat/html").verdict is Verdict.DIFFERENT


def test_a_silent_one_covers_nothing_where_the_sdk_itself_raises():
    direct = {"raised": {"class": "json.Error", "message": "m"}}
    loud = {"raised": {"class": "x.APIError", "message": "m"}}
    assert judged(direct, loud, "broken/html").verdict is Verdict.DIFFERENT


def test_where_a_difference_is_listed_the_gateway_has_to_show_what_it_promises():
    found = judged("html", {"text": "html"}, "broken/html")
    assert found.verdict is Verdict.DIFFERENT
    assert found.found == (f"seen.raised.class is {ABSENT!r}, not 'x.*Error' (loud)",)


def test_a_case_that_fails_by_itself_is_no_proof():
    broken = {"raised": {"class": "builtins.TypeError", "message": "unexpected keyword"}}
    assert judged(broken, broken).verdict is Verdict.DIFFERENT
    assert judged(broken, broken, "broken/cut").verdict is Verdict.EQUAL


def test_a_case_about_a_refusal_that_is_not_refused_is_no_proof():
    assert judged({"text": "hi"}, {"text": "hi"}, "refused/400").verdict is Verdict.DIFFERENT


def test_what_an_sdk_cannot_do_is_neither():
    absent = {"absent": "no parse"}
    assert judged(absent, absent) == Compared(Verdict.ABSENT, found=("no parse",))
    assert judged(absent, {"text": "hi"}).verdict is Verdict.DIFFERENT
