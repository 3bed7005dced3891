"""Recorded plans of this engine come out again, byte for byte."""

import pytest

from tests.libs.interlock_domain.replay.golden import Case, plan_of, read

CASES = read()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_kept_decision_is_given_again(case: Case) -> None:
    snapshot = case.snapshot()
    assert [plan_of(snapshot, asked.inputs) for asked in case.asked] == [asked.plan for asked in case.asked]


def test_there_are_enough_of_them() -> None:
    assert sum(len(case.asked) for case in CASES) >= 30
