"""Reasons in words."""

import pytest

from interlock_domain.routing.decision import Candidate
from interlock_domain.routing.wording import PHRASES, reason_text, seconds_left
from interlock_domain.words import Eligibility, Reason


def a_candidate(*reasons: Reason, until_ms: int | None = None) -> Candidate:
    return Candidate(target="a/b", state=Eligibility.SOFT_EXCLUDED, reasons=reasons, until_ms=until_ms)


def test_every_reason_has_a_phrase_of_its_own() -> None:
    assert set(PHRASES) == set(Reason)
    assert len(set(PHRASES.values())) == len(Reason)


def test_a_reason_says_how_long_it_still_takes() -> None:
    found = a_candidate(Reason.COOLDOWN_HEURISTIC, Reason.LOCAL_BREAKER, until_ms=12_000)
    assert reason_text(found, 500) == "cooldown 12 s more"


def test_a_reason_without_an_end_is_the_phrase_alone() -> None:
    assert reason_text(a_candidate(Reason.CAPABILITY_MISSING), 0) == "lacks a capability"


def test_a_clean_candidate_has_nothing_to_say() -> None:
    assert reason_text(a_candidate(), 0) == ""


@pytest.mark.parametrize(
    ("as_of_ms", "seconds"), [(0, 3), (1, 3), (2_000, 1), (2_999, 1), (3_000, 0), (9_000, 0)]
)
def test_seconds_are_rounded_up_and_never_negative(as_of_ms: int, seconds: int) -> None:
    assert seconds_left(a_candidate(Reason.RAMPING, until_ms=3_000), as_of_ms) == seconds
