"""What readers ask the state for."""

from msgspec.structs import replace

from interlock_domain.catalog.target import Target
from interlock_domain.events import TargetDefined
from interlock_domain.projection.state import policy_of, strikes_of
from tests.libs.interlock_domain.projection.story import OTHER, TARGET, Story, no_ramp, quick


def test_a_target_s_own_policy_stands_before_the_global_one() -> None:
    story = Story("g1").declares(OTHER, policy=quick(strikes=3))
    own = replace(Target(id=TARGET, provider="acme", model="large"), policy=no_ramp())
    story.decide(f"target/{TARGET}", TargetDefined(target=own))
    assert policy_of(story.state, TARGET) == no_ramp()
    assert policy_of(story.state, OTHER) == policy_of(story.state, "acme/any") == quick(strikes=3)


def test_the_policy_in_force_decides_what_trips() -> None:
    story = Story("g1").declares(TARGET, policy=quick(strikes=3))
    assert story.fails(times=2) == []
    assert strikes_of(story.state, TARGET, "text") == 2
    assert strikes_of(story.state, TARGET, "tools") == 0
    assert len(story.fails()) == 1
