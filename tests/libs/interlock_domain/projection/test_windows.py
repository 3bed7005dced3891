"""How far back the fold looks, by its own constants and by the policy."""

from interlock_domain.catalog.policy import CooldownPolicy, HalfOpenPolicy, Policy, TargetPolicy
from interlock_domain.catalog.target import Target
from interlock_domain.projection.windows import least_retention_ms, longest_window_ms

HOUR = 3_600_000


def test_given_the_defaults_then_the_memory_of_silent_workers_is_the_longest() -> None:
    assert longest_window_ms(Policy()) == HOUR
    assert least_retention_ms(Policy()) == 2 * HOUR


def test_given_a_longer_cooldown_then_its_way_back_and_its_calm_count_as_well() -> None:
    policy = Policy(
        target=TargetPolicy(cooldown=CooldownPolicy(max_ms=24 * HOUR), half_open=HalfOpenPolicy(ramp_ms=HOUR))
    )
    assert longest_window_ms(policy) == 25 * HOUR + 300_000


def test_given_one_target_with_a_longer_window_then_it_decides() -> None:
    own = TargetPolicy(cooldown=CooldownPolicy(window_ms=5 * HOUR))
    target = Target(id="a/b", provider="a", model="b", policy=own)
    plain = Target(id="a/c", provider="a", model="c")
    assert longest_window_ms(Policy(), (plain, target)) > 5 * HOUR
