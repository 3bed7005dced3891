"""Operators' states: of a target, a provider, a pool and one pool's candidate."""

import pytest

from interlock_domain.events import (
    CooldownSet,
    CredentialQuarantined,
    CredentialReleased,
    Event,
    MemberStateSet,
    PoolStateSet,
    ProviderStateSet,
    TargetStateSet,
)
from interlock_domain.projection.rows import all_rows, pool_row, provider_row, target_row
from interlock_domain.rows import StateRow
from interlock_domain.words import AdminState, EffectKind, FailureClass
from tests.libs.interlock_domain.projection.story import OTHER, T0, TARGET, Story, kinds

DRAINED, ENABLED = AdminState.DRAINED, AdminState.ENABLED


def state_of(story: Story, stream: str) -> StateRow | None:
    """The operator's state in the row of that stream's entity."""
    kind, _, name = stream.partition("/")
    if kind == "target":
        target = target_row(story.state, name)
        return target.state if target else None
    if kind == "provider":
        provider = provider_row(story.state, name)
        return provider.state if provider else None
    pool = pool_row(story.state, name)
    if pool is None:
        return None
    return pool.state or pool.members.get(TARGET)


def setting(stream: str, state: AdminState, expires: int | None = None) -> Event:
    kind, _, name = stream.partition("/")
    if kind == "target":
        return TargetStateSet(target=name, state=state, expires_in_ms=expires)
    if kind == "provider":
        return ProviderStateSet(provider=name, state=state, expires_in_ms=expires)
    if name == "chat":
        return PoolStateSet(pool=name, state=state, expires_in_ms=expires)
    return MemberStateSet(pool=name, target=TARGET, state=state, expires_in_ms=expires)


EVERYTHING = pytest.mark.parametrize(
    "stream", [f"target/{TARGET}", "provider/acme", "pool/chat", "pool/batch"]
)


@pytest.fixture
def story() -> Story:
    told = Story().declares(TARGET, OTHER)
    told.pool("chat", TARGET, OTHER)
    told.pool("batch", TARGET, OTHER)
    return told


@EVERYTHING
def test_a_state_says_who_set_it_and_why(story: Story, stream: str) -> None:
    story.decide(stream, setting(stream, DRAINED), actor="bob", reason="upgrade")
    row = state_of(story, stream)
    assert row == StateRow(state=DRAINED, actor="bob", reason="upgrade", position=story.log[-1].position)


@EVERYTHING
def test_enabled_is_the_absence_of_a_row(story: Story, stream: str) -> None:
    story.decide(stream, setting(stream, DRAINED))
    story.decide(stream, setting(stream, ENABLED, 5_000))
    assert state_of(story, stream) is None
    assert list(all_rows(story.state)) == ["catalog"]


@EVERYTHING
def test_a_state_with_an_expiry_falls_back_to_enabled(story: Story, stream: str) -> None:
    story.decide(stream, setting(stream, DRAINED, 5_000))
    assert story.at(4_999).ticks() == []
    row = state_of(story, stream)
    assert row is not None
    assert row.until_ms == T0 + 5_000
    (expired,) = story.at(5_000).ticks()
    assert (expired.kind, expired.subject, expired.evidence) == (
        EffectKind.STATE_EXPIRED,
        stream,
        (row.position,),
    )
    assert state_of(story, stream) is None


@EVERYTHING
def test_a_state_without_an_expiry_lasts(story: Story, stream: str) -> None:
    story.decide(stream, setting(stream, DRAINED, 5_000))
    story.decide(stream, setting(stream, AdminState.DISABLED))
    story.at(10_000).ticks()
    row = state_of(story, stream)
    assert row is not None
    assert row.state is AdminState.DISABLED


@EVERYTHING
def test_an_expiry_in_the_past_ends_with_the_next_record(story: Story, stream: str) -> None:
    story.decide(stream, setting(stream, DRAINED, -1))
    assert kinds(story.ticks()) == [EffectKind.STATE_EXPIRED]


def test_a_member_s_state_leaves_the_same_target_in_other_pools_alone(story: Story) -> None:
    story.decide("pool/batch", setting("pool/batch", DRAINED))
    assert pool_row(story.state, "chat") is None
    assert target_row(story.state, TARGET) is None


@pytest.mark.parametrize(
    "event",
    [
        TargetStateSet(target="nobody/m", state=DRAINED),
        ProviderStateSet(provider="nobody", state=DRAINED),
        PoolStateSet(pool="none", state=DRAINED),
        MemberStateSet(pool="none", target=TARGET, state=DRAINED),
        MemberStateSet(pool="chat", target="acme/other", state=DRAINED),
        CooldownSet(target="nobody/m", shape="*", duration_ms=5),
        CredentialQuarantined(provider="nobody", fingerprint="f", failure=FailureClass.AUTH, recheck_ms=1),
        CredentialReleased(provider="nobody", fingerprint="f"),
        CredentialReleased(provider="acme", fingerprint="f"),
    ],
)
def test_a_word_about_what_does_not_exist_changes_nothing(story: Story, event: Event) -> None:
    before = all_rows(story.state)
    assert story.decide("anything", event) == []
    assert all_rows(story.state) == before


def test_a_quarantine_makes_the_provider_s_row(story: Story) -> None:
    story.decide(
        "provider/acme",
        CredentialQuarantined(
            provider="acme", fingerprint="f", failure=FailureClass.BILLING, recheck_ms=900_000
        ),
    )
    row = provider_row(story.state, "acme")
    assert row is not None
    assert [(q.fingerprint, q.recheck_at_ms) for q in row.quarantines] == [("f", T0 + 900_000)]
