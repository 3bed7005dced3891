"""Lengths, levels, jitter and stated times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.policy import CooldownPolicy
from interlock_domain.health.classes import LIMITED, rule_of
from interlock_domain.health.cooldown import (
    CALM_MS,
    JITTER,
    jittered_ms,
    ladder_of,
    length_ms,
    next_level,
    stated_left_ms,
)
from interlock_domain.words import FailureClass

POLICY = CooldownPolicy()


def test_the_ladder_doubles_from_fifteen_seconds_to_five_minutes() -> None:
    ladder = ladder_of(rule_of(FailureClass.SERVER_ERROR), POLICY)
    lengths = [length_ms(ladder, level) for level in (0, 1, 2, 3, 4, 5, 1_000)]
    assert lengths == [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000]


def test_limits_double_from_five_to_thirty_seconds_whatever_the_policy() -> None:
    ladder = ladder_of(rule_of(FailureClass.RATE_LIMIT), CooldownPolicy(initial_ms=1))
    assert ladder is LIMITED
    assert [length_ms(ladder, level) for level in (0, 1, 2, 3)] == [5_000, 10_000, 20_000, 30_000]


@given(st.integers(1, 300_000), st.text(max_size=20), st.integers(0, 1 << 60))
def test_jitter_stays_within_a_tenth_and_is_the_same_in_every_fold(
    length: int, target: str, position: int
) -> None:
    moved = jittered_ms(length, target, position)
    assert abs(moved - length) <= length * JITTER + 1
    assert moved == jittered_ms(length, target, position)


def test_targets_that_fell_together_return_apart() -> None:
    assert len({jittered_ms(15_000, f"acme/m{n}", 7) for n in range(50)}) > 40


@pytest.mark.parametrize(
    ("stated", "age", "left"),
    [(0, 0, 1_000), (2_500, 0, 2_500), (999_000, 0, 300_000), (2_000, 500, 1_500), (1_000, 1_500, -500)],
)
def test_a_stated_time_is_held_in_bounds_and_counts_from_the_answer(stated: int, age: int, left: int) -> None:
    assert stated_left_ms(stated, age, POLICY) == left


@pytest.mark.parametrize(
    ("returned", "now", "level"),
    [(None, 0, 0), (1_000, 1_000 + CALM_MS - 1, 3), (1_000, 1_000 + CALM_MS, 0)],
)
def test_a_level_is_remembered_for_five_minutes_of_calm(returned: int | None, now: int, level: int) -> None:
    assert next_level(2, returned, now) == level
