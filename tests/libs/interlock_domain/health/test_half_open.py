"""Probe slots, their owners, and the ramp of a returned target."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.policy import HalfOpenPolicy
from interlock_domain.health.half_open import lottery, ramp_fraction, slot_at, slot_end_ms, slot_owner

POLICY = HalfOpenPolicy()
GATEWAYS = ("g1", "g2", "g3", "g4")


def test_a_slot_lasts_one_probe_interval() -> None:
    assert [slot_at(ms, 5_000) for ms in (0, 4_999, 5_000)] == [0, 0, 1]
    assert [slot_end_ms(ms, 5_000) for ms in (0, 4_999, 5_000)] == [5_000, 5_000, 10_000]


def test_an_interval_of_nothing_does_not_divide_by_it() -> None:
    assert slot_at(7, 0) == 7
    assert slot_end_ms(7, 0) == 8


def test_slots_are_spread_over_the_gateways() -> None:
    owners = Counter(slot_owner("acme/large", "text", slot, GATEWAYS) for slot in range(1_000))
    assert set(owners) == set(GATEWAYS)
    assert min(owners.values()) > 180


@given(st.integers(0, 10_000), st.sampled_from(GATEWAYS))
def test_a_gateway_that_leaves_moves_only_its_own_slots(slot: int, leaver: str) -> None:
    before = slot_owner("acme/large", "text", slot, GATEWAYS)
    after = slot_owner("acme/large", "text", slot, tuple(g for g in GATEWAYS if g != leaver))
    assert before in {after, leaver}


@pytest.mark.parametrize(
    ("passed", "share"), [(-5, 0.1), (0, 0.1), (15_000, 0.55), (30_000, 1.0), (60_000, 1.0)]
)
def test_a_ramp_rises_from_a_tenth_to_everything(passed: int, share: float) -> None:
    assert ramp_fraction(1_000_000, POLICY, 1_000_000 + passed) == pytest.approx(share)


def test_without_a_ramp_a_target_is_back_at_once() -> None:
    assert ramp_fraction(0, HalfOpenPolicy(ramp_ms=0), 0) == 1.0


def test_the_lottery_is_fair_and_the_same_everywhere() -> None:
    draws = [lottery(seed, "acme/large") for seed in range(2_000)]
    assert all(0.0 <= draw < 1.0 for draw in draws)
    assert 150 < sum(draw < 0.1 for draw in draws) < 250
    assert lottery(7, "acme/large") == draws[7]
