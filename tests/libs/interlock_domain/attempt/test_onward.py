"""After a failure: larger windows only, and another version of the software first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.attempt.onward import Ahead, preferred, with_room
from interlock_domain.words import FailureClass

SMALL, LARGE, LARGER = (Ahead(target=f"w{window}", window=window) for window in (8_000, 32_000, 200_000))
SILENT = Ahead(target="silent")


@pytest.mark.parametrize(
    ("too_small", "left", "expected"),
    [
        (SMALL, (LARGE, LARGER), ("w32000", "w200000")),
        (LARGE, (SMALL, LARGER, LARGE), ("w200000",)),
        (LARGER, (SMALL, LARGE), ()),
        (LARGE, (SILENT, SMALL), ()),
        (SILENT, (SMALL, SILENT), ("w8000",)),
        (SMALL, (), ()),
    ],
)
def test_a_prompt_that_was_too_long_goes_to_larger_declared_windows_only(too_small, left, expected):
    assert with_room(left, too_small) == expected


def version(target: str, number: str | None, *, eligible: bool = True) -> Ahead:
    return Ahead(target=target, version=number, eligible=eligible)


FAILED = version("failed", "1.2")
SAME, OTHER, UNKNOWN = version("same", "1.2"), version("other", "1.3"), version("unknown", None)
BUG = FailureClass.SERVER_ERROR


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ((SAME, OTHER), ("other", "same")),
        ((SAME, UNKNOWN, OTHER), ("other", "same", "unknown")),
        ((OTHER, SAME), ("other", "same")),
        ((UNKNOWN, OTHER), ("unknown", "other")),
        ((SAME, version("doubt", "1.3", eligible=False)), ("same", "doubt")),
        ((SAME, UNKNOWN), ("same", "unknown")),
        ((), ()),
    ],
)
def test_after_a_failure_of_the_software_another_version_is_asked_first(left, expected):
    assert preferred(left, FAILED, BUG) == expected


@pytest.mark.parametrize(
    "failure", [FailureClass.RATE_LIMIT, FailureClass.AUTH, FailureClass.NOT_FOUND, FailureClass.OVERLOAD]
)
def test_what_is_no_bug_leaves_the_order_alone(failure):
    assert preferred((SAME, OTHER), FAILED, failure) == ("same", "other")


def test_a_target_without_a_declared_version_prefers_nothing():
    assert preferred((SAME, OTHER), UNKNOWN, BUG) == ("same", "other")


AHEADS = st.lists(
    st.builds(
        Ahead,
        target=st.sampled_from("abcdef"),
        window=st.none() | st.integers(1, 9),
        version=st.none() | st.sampled_from(["1", "2"]),
        eligible=st.booleans(),
    ),
    unique_by=lambda one: one.target,
)


@given(AHEADS, st.sampled_from(FailureClass), st.sampled_from([None, "1"]))
def test_nobody_is_left_out_for_a_version_and_all_others_keep_their_order(left, failure, number):
    found = preferred(left, version("failed", number), failure)
    assert sorted(found) == sorted(one.target for one in left)
    assert [target for target in found if target != found[0]] == [
        one.target for one in left if one.target != found[0]
    ]
