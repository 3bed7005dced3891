"""The deadline and the limits of an attempt."""

from interlock_domain.attempt.deadline import deadline_at, limits_at
from interlock_domain.catalog.policy import Attempts, PoolPolicy, Timeouts

POLICY = PoolPolicy(
    attempts=Attempts(deadline_ms=60_000, first_token_total_ms=20_000),
    timeouts=Timeouts(connect_ms=5_000, response_ms=30_000, first_token_ms=90_000, stall_ms=45_000),
)
DEADLINE = deadline_at(POLICY.attempts, 1_000)


def test_the_deadline_counts_from_the_arrival() -> None:
    assert DEADLINE.left_ms(1_000, awaits_first_token=False) == 60_000
    assert DEADLINE.left_ms(41_000, awaits_first_token=False) == 20_000


def test_while_a_stream_has_no_content_the_shorter_end_counts() -> None:
    assert DEADLINE.left_ms(11_000, awaits_first_token=True) == 10_000
    late = deadline_at(Attempts(deadline_ms=5_000), 0)
    assert late.left_ms(1_000, awaits_first_token=True) == 4_000


def test_when_it_is_over_nothing_is_left() -> None:
    assert DEADLINE.left_ms(99_000, awaits_first_token=False) == 0


def test_phase_limits_are_the_policys_and_the_whole_is_what_is_left() -> None:
    found = limits_at(POLICY, DEADLINE, 2_000, stream=False)
    assert (found.connect_ms, found.response_ms, found.first_token_ms) == (5_000, 30_000, 90_000)
    assert (found.stall_ms, found.whole_ms) == (45_000, 59_000)
    assert limits_at(POLICY, DEADLINE, 2_000, stream=True).whole_ms == 19_000


def test_a_probe_is_given_up_sooner_but_its_unary_answer_is_not() -> None:
    found = limits_at(POLICY, DEADLINE, 2_000, stream=True, probe=True)
    assert (found.connect_ms, found.first_token_ms, found.response_ms) == (2_000, 30_000, 30_000)


def test_a_probe_never_waits_longer_than_the_policy_says() -> None:
    quick = PoolPolicy(timeouts=Timeouts(connect_ms=500, first_token_ms=1_000))
    found = limits_at(quick, DEADLINE, 2_000, stream=True, probe=True)
    assert (found.connect_ms, found.first_token_ms) == (500, 1_000)
