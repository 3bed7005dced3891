"""The place of reading: steps, shared issues, and the words for wrong values."""

from typing import Any

import pytest

from interlock_domain.catalog.issue import Issue, IssueCode
from interlock_domain.catalog.kinds.place import REFUSED, Place, nearest, nearest_hint, shown, sort_of


def test_issues_of_inner_places_reach_the_outer_one_in_order() -> None:
    place = Place()
    assert place.at("pools").at(0).refuse(IssueCode.MISSING, "first") is REFUSED
    place.key("x").refuse(IssueCode.UNKNOWN_KEY, "second", "hint")
    assert place.issues == (
        Issue(path=("pools", 0), code=IssueCode.MISSING, message="first"),
        Issue(path=("x",), code=IssueCode.UNKNOWN_KEY, message="second", hint="hint", on_key=True),
    )


def test_a_key_is_called_by_what_holds_it() -> None:
    assert Place(("pools",)).key("7").words == "a key of `pools`"


def test_the_nearest_word_is_found_when_one_is_near() -> None:
    assert nearest("stratgy", ["members", "strategy"]) == "strategy"
    assert nearest("zzz", ["members", "strategy"]) is None
    assert nearest_hint("membrs", ["members"], "otherwise") == "Did you mean `members`?"
    assert nearest_hint("zzz", ["members"], "otherwise") == "otherwise"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "nothing"),
        (True, "`true`"),
        (False, "`false`"),
        ({}, "a block of keys"),
        ([], "a list"),
        (3, "`3`"),
        ("x", "`x`"),
        pytest.param(1 << 20_000, "`a huge number`", id="huge"),
    ],
)
def test_wrong_values_are_told_as_yaml_spells_them(raw: Any, words: str) -> None:
    assert shown(raw) == words


@pytest.mark.parametrize(("raw", "words"), [("x", "text"), (3, "a single value"), (None, "nothing")])
def test_what_may_be_a_secret_is_told_by_its_sort(raw: Any, words: str) -> None:
    assert sort_of(raw) == words
