"""The rules of the hedge."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_domain.attempt.hedge import Idle, SlowStream, second_target
from interlock_domain.catalog.policy import Attempts, Hedge, PoolPolicy
from interlock_domain.words import Unhedged

POLICY = PoolPolicy(hedge=Hedge(enabled=True))


def candidate(target: str, *, idle: bool = True, free: bool = False) -> Idle:
    return Idle(target=target, idle=idle, free=free)


ATLAS, BREEZE, CIRRUS = candidate("a/x"), candidate("b/x"), candidate("c/x")
SLOW = SlowStream(called=ATLAS, probe=False, others=(BREEZE, CIRRUS), targets_tried=1)


def test_the_next_idle_candidate_races() -> None:
    assert second_target(POLICY, SLOW) == "b/x"


def test_a_candidate_that_is_not_idle_is_passed_over() -> None:
    slow = replace(SLOW, others=(candidate("b/x", idle=False), CIRRUS))
    assert second_target(POLICY, slow) == "c/x"


def test_a_free_target_is_raced_by_a_free_one_and_a_paid_one_by_any() -> None:
    others = (BREEZE, candidate("c/x", free=True))
    assert second_target(POLICY, replace(SLOW, called=candidate("a/x", free=True), others=others)) == "c/x"
    assert second_target(POLICY, replace(SLOW, others=others)) == "b/x"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"probe": True}, Unhedged.PROBE),
        ({"targets_tried": 3}, Unhedged.MAX_TARGETS),
        ({"others": ()}, Unhedged.FEW_IDLE),
        ({"others": (candidate("b/x", idle=False),)}, Unhedged.FEW_IDLE),
        ({"called": candidate("a/x", idle=False), "others": (BREEZE,)}, Unhedged.FEW_IDLE),
        ({"called": candidate("a/x", free=True)}, Unhedged.TIER),
        ({"losing": True}, Unhedged.WIN_RATE),
        ({"retries_half_spent": True}, Unhedged.RETRY_BUDGET),
        ({"budget": False}, Unhedged.HEDGE_BUDGET),
    ],
)
def test_each_thing_that_speaks_against_a_hedge_has_its_reason(
    changed: dict[str, object], why: Unhedged
) -> None:
    assert second_target(POLICY, replace(SLOW, **changed)) is why


def test_a_pool_that_does_not_hedge_races_nobody() -> None:
    assert second_target(PoolPolicy(), SLOW) is Unhedged.DISABLED


def test_two_idle_ones_beside_a_degraded_one_are_enough() -> None:
    slow = replace(SLOW, called=candidate("a/x", idle=False))
    assert second_target(POLICY, slow) == "b/x"


TARGETS = st.lists(st.sampled_from("bcdefgh"), unique=True, max_size=5)
IDLES = st.builds(Idle, target=st.just("a"), idle=st.booleans(), free=st.booleans())


@st.composite
def slow_streams(draw: st.DrawFn) -> SlowStream:
    others = tuple(replace(draw(IDLES), target=name) for name in draw(TARGETS))
    return draw(
        st.builds(
            SlowStream,
            called=IDLES,
            probe=st.booleans(),
            others=st.just(others),
            targets_tried=st.integers(1, 4),
            losing=st.booleans(),
            retries_half_spent=st.booleans(),
            budget=st.booleans(),
        )
    )


POLICIES = st.builds(
    PoolPolicy,
    hedge=st.builds(Hedge, enabled=st.booleans()),
    attempts=st.builds(Attempts, max_targets=st.integers(1, 4)),
)


@given(POLICIES, slow_streams())
def test_whoever_races_may(policy: PoolPolicy, slow: SlowStream) -> None:
    """Stated anew, from the requirement: what is chosen keeps every rule, and nothing fitting is left out."""
    found = second_target(policy, slow)
    idle = [one for one in slow.others if one.idle]
    fitting = [one.target for one in idle if one.free or not slow.called.free]
    allowed = (
        policy.hedge.enabled
        and not slow.probe
        and slow.targets_tried < policy.attempts.max_targets
        and len(idle) + slow.called.idle >= 2
        and not slow.losing
        and not slow.retries_half_spent
        and slow.budget
    )
    if allowed and fitting:
        assert found == fitting[0]
    else:
        assert isinstance(found, Unhedged)


@given(POLICIES, slow_streams())
def test_only_what_is_true_is_given_as_the_reason(policy: PoolPolicy, slow: SlowStream) -> None:
    """With what it names mended, another reason stands, or there is a race."""
    mended: dict[Unhedged, dict[str, Any]] = {
        Unhedged.PROBE: {"probe": False},
        Unhedged.MAX_TARGETS: {"targets_tried": 0},
        Unhedged.FEW_IDLE: {"others": (*slow.others, candidate("y"), candidate("z"))},
        Unhedged.TIER: {"called": replace(slow.called, free=False)},
        Unhedged.WIN_RATE: {"losing": False},
        Unhedged.RETRY_BUDGET: {"retries_half_spent": False},
        Unhedged.HEDGE_BUDGET: {"budget": True},
    }
    found = second_target(policy, slow)
    if isinstance(found, Unhedged) and found in mended:
        assert second_target(policy, replace(slow, **mended[found])) is not found
