"""Time transitions: effects of the first record whose clock passes them."""

from interlock_domain.events import (
    CooldownSet,
    MemberStateSet,
    PoolStateSet,
    ProviderStateSet,
    TargetStateSet,
)
from interlock_domain.projection.deadlines import pending
from interlock_domain.words import AdminState, EffectKind
from tests.libs.interlock_domain.projection.story import T0, TARGET, Story, cooled, half_open, kinds, ramping


def test_a_transition_belongs_to_the_record_that_passes_it_and_to_its_moment() -> None:
    story = cooled()
    story.at(story.until() + 700)
    (window,) = story.ticks()
    assert (window.position, window.at_ms) == (story.log[-1].position, T0 + story.now)


def test_time_passes_before_the_record_itself_is_applied() -> None:
    story = cooled()
    story.at(story.until())
    found = story.succeeds()
    assert kinds(found) == [
        EffectKind.PROBE_WINDOW_OPENED,
        EffectKind.COOLDOWN_ENDED,
        EffectKind.RAMP_STARTED,
    ]
    assert [e.n for e in story.effects[-4:]] == [0, 1, 2, 3]


def test_one_record_may_pass_several_deadlines() -> None:
    story = cooled()
    story.fails(times=2, shape="tools")
    assert kinds(story.at(60_000).ticks()) == [EffectKind.PROBE_WINDOW_OPENED] * 2


def test_what_is_not_due_yet_outlasts_what_is() -> None:
    story = ramping()
    story.decide(
        f"target/{TARGET}", TargetStateSet(target=TARGET, state=AdminState.DRAINED, expires_in_ms=60_000)
    )
    story.decide(f"target/{TARGET}", CooldownSet(target=TARGET, shape="tools", duration_ms=1_000))
    assert kinds(story.at(story.now + 1_000).ticks()) == [EffectKind.PROBE_WINDOW_OPENED]
    assert kinds(story.at(story.now + 29_000).ticks()) == [EffectKind.RAMP_ENDED]
    assert kinds(story.at(story.now + 30_000).ticks()) == [EffectKind.STATE_EXPIRED]


def test_a_record_costs_nothing_while_nothing_is_due() -> None:
    story = Story("g1").declares(TARGET)
    before = dict(story.state.due)
    story.at(1_000).counted(5)
    assert story.state.due == before
    assert story.state.next_due_ms > T0 + 1_000


def test_deadlines_of_what_is_gone_are_dropped() -> None:
    story = Story("g1").declares(TARGET)
    story.pool("chat", TARGET)
    story.reports("g1", pools=("chat",))
    for stream, event in (
        ("provider/acme", ProviderStateSet(provider="acme", state=AdminState.DRAINED, expires_in_ms=5)),
        (f"target/{TARGET}", TargetStateSet(target=TARGET, state=AdminState.DRAINED, expires_in_ms=5)),
    ):
        story.decide(stream, event)
    story.state.targets.clear()
    story.state.providers.clear()
    story.state.pools.clear()
    story.state.gateways.clear()
    assert story.at(70_000).ticks() == []
    assert list(story.state.due) == ["sweep"]


def test_nothing_is_pending_at_rest() -> None:
    story = Story("g1").declares(TARGET)
    story.pool("chat", TARGET)
    story.reports("g1", pools=("chat",))
    assert not pending(story.state)


def test_a_cooldown_and_a_ramp_are_pending_and_half_open_is_not() -> None:
    assert pending(cooled().state)
    assert not pending(half_open().state)
    story = ramping()
    assert pending(story.state)
    story.at(story.now + 30_000).ticks()
    assert not pending(story.state)


def test_an_operator_s_rest_is_pending() -> None:
    story = Story().declares(TARGET)
    story.decide(f"target/{TARGET}", CooldownSet(target=TARGET, shape="*", duration_ms=500))
    assert pending(story.state)


def test_every_expiry_is_pending() -> None:
    for stream, event in (
        (f"target/{TARGET}", TargetStateSet(target=TARGET, state=AdminState.DRAINED, expires_in_ms=500)),
        ("provider/acme", ProviderStateSet(provider="acme", state=AdminState.DRAINED, expires_in_ms=500)),
        ("pool/chat", PoolStateSet(pool="chat", state=AdminState.DRAINED, expires_in_ms=500)),
        (
            "pool/chat",
            MemberStateSet(pool="chat", target=TARGET, state=AdminState.DRAINED, expires_in_ms=500),
        ),
    ):
        story = Story().declares(TARGET)
        story.pool("chat", TARGET)
        assert not pending(story.state)
        story.decide(stream, event)
        assert pending(story.state)
        story.at(500).ticks()
        assert not pending(story.state)
