"""Definitions: what a new one clears, what survives it, and what removing forgets."""

import pytest

from interlock_domain.catalog.key import Admin, GatewayKey
from interlock_domain.catalog.policy import Policy, ServerLimits
from interlock_domain.events import (
    ConfigApplied,
    CooldownSet,
    GatewayKeyDefined,
    GatewayKeyRevoked,
    MemberStateSet,
    PolicySet,
    PoolRemoved,
    PoolStateSet,
    ProviderRemoved,
    ProviderStateSet,
    TargetRemoved,
)
from interlock_domain.projection.rows import all_rows, catalog_row, pool_row, take_changed_rows
from interlock_domain.words import AdminState, EffectKind, EndedWhy, FailureClass, Phase, Provenance
from tests.libs.interlock_domain.projection.story import OTHER, TARGET, Story, cooled, ramping


def test_a_revision_and_what_it_implies_make_the_catalog_row() -> None:
    story = Story()
    assert all_rows(story.state) == {}
    applied = ConfigApplied(
        revision=3,
        base_revision=2,
        digest="d",
        origin="file",
        allow_removal=True,
        admins=(Admin(name="a", role="admin", sha256="x"),),
    )
    story.decide("config", applied)
    story.decide("policy", PolicySet(policy=Policy(), server=ServerLimits(max_body=5)))
    story.declares(TARGET).pool("chat", TARGET)
    story.decide("key/team", GatewayKeyDefined(key=GatewayKey(name="team", sha256="ab")))
    row = catalog_row(story.state)
    assert (row.revision, row.digest, row.allow_removal, row.server.max_body) == (3, "d", True, 5)
    assert [p.name for p in row.providers] == ["acme"]
    assert [t.id for t in row.targets] == [TARGET]
    assert [p.name for p in row.pools] == ["chat"]
    assert [k.name for k in row.keys] == ["team"]
    assert story.state.catalog.admins[0].name == "a"
    assert list(all_rows(story.state)) == ["catalog"]


def test_a_revoked_key_leaves_the_catalog() -> None:
    story = Story()
    story.decide("key/team", GatewayKeyDefined(key=GatewayKey(name="team", sha256="ab")))
    story.decide("key/team", GatewayKeyRevoked(name="team"))
    story.decide("key/none", GatewayKeyRevoked(name="none"))
    assert catalog_row(story.state).keys == ()


@pytest.mark.parametrize(
    "facts", [{}, {"software_version": "2"}, {"upstream_model": "large-2"}], ids=["again", "version", "model"]
)
def test_a_new_identity_or_a_registration_once_more_clears_what_was_guessed(facts: dict[str, str]) -> None:
    story = cooled()
    found = story.target(TARGET, **facts)
    assert [(e.kind, e.why) for e in found] == [(EffectKind.COOLDOWN_ENDED, EndedWhy.REDEFINED)]
    assert story.is_healthy()


def test_other_changes_of_a_definition_clear_nothing() -> None:
    story = cooled()
    assert story.target(TARGET, context_window=4_096) == []
    assert story.learned() is not None


def test_a_new_identity_clears_a_ramp_its_level_and_a_target_s_being_out() -> None:
    story = ramping()
    story.fails(times=2, shape="tools", failure=FailureClass.NOT_FOUND, phase=Phase.HEADERS)
    story.at(story.now + 10_000)
    story.fails(times=2, shape="tools", failure=FailureClass.NOT_FOUND, phase=Phase.HEADERS)
    found = story.target(TARGET, software_version="2")
    assert [(e.kind, e.why) for e in found] == [
        (EffectKind.RAMP_ENDED, EndedWhy.REDEFINED),
        (EffectKind.TARGET_BACK, EndedWhy.REDEFINED),
    ]
    assert story.known().calm == {}


def test_stated_and_operators_cooldowns_survive_any_definition() -> None:
    story = Story("g1").declares(TARGET)
    story.fails(failure=FailureClass.RATE_LIMIT, retry_after_ms=60_000)
    story.decide(f"target/{TARGET}", CooldownSet(target=TARGET, shape="*", duration_ms=60_000))
    assert story.target(TARGET, software_version="2") == []
    row = story.learned("*")
    assert row is not None
    assert row.provenance is Provenance.STATED
    assert list(story.known().operator) == ["*"]


def test_another_base_url_is_another_upstream() -> None:
    story = cooled()
    story.declares("other/m")
    story.fails(times=2, target="other/m")
    assert story.provider("acme") == []
    found = story.provider("acme", base_url="http://elsewhere")
    assert [(e.kind, e.subject) for e in found] == [(EffectKind.COOLDOWN_ENDED, f"target/{TARGET}")]
    assert story.learned(target="other/m") is not None


def test_declaring_a_target_that_exists_already_keeps_what_is_known() -> None:
    story = Story("g1").declares(OTHER)
    story.counted(1)
    story.fails(times=3)
    assert story.learned() is not None
    story.target(TARGET)
    assert story.known().declared
    assert story.learned() is not None


def test_a_removed_target_leaves_nothing() -> None:
    story = cooled()
    take_changed_rows(story.state)
    story.decide(f"target/{TARGET}", TargetRemoved(target=TARGET))
    assert TARGET not in story.state.targets
    assert take_changed_rows(story.state)[f"target/{TARGET}"] is None
    story.decide("target/acme/none", TargetRemoved(target="acme/none"))


def test_a_removed_provider_takes_its_undeclared_targets_along() -> None:
    story = Story("g1").declares(TARGET)
    story.counted(1, target="acme/undeclared")
    story.decide("provider/acme", ProviderStateSet(provider="acme", state=AdminState.DISABLED))
    take_changed_rows(story.state)
    story.decide("provider/acme", ProviderRemoved(provider="acme"))
    assert list(story.state.targets) == [TARGET]
    assert story.state.providers == {}
    assert take_changed_rows(story.state)["provider/acme"] is None
    story.decide("provider/none", ProviderRemoved(provider="none"))


def test_operators_states_survive_a_new_definition_of_the_pool() -> None:
    story = Story().declares(TARGET, OTHER)
    story.pool("chat", TARGET, OTHER)
    story.decide("pool/chat", PoolStateSet(pool="chat", state=AdminState.DRAINED))
    for target in (TARGET, OTHER):
        story.decide("pool/chat", MemberStateSet(pool="chat", target=target, state=AdminState.DISABLED))
    story.pool("chat", TARGET)
    row = pool_row(story.state, "chat")
    assert row is not None
    assert row.state is not None
    assert list(row.members) == [TARGET]


def test_a_removed_pool_leaves_nothing() -> None:
    story = Story("g1").declares(TARGET)
    story.pool("chat", TARGET)
    story.reports("g1", pools=("chat",))
    take_changed_rows(story.state)
    story.decide("pool/chat", PoolRemoved(pool="chat"))
    assert story.state.pools == {}
    assert take_changed_rows(story.state)["pool/chat"] is None
    story.decide("pool/none", PoolRemoved(pool="none"))
