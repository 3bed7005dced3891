"""The catalog as decisions make it."""

from interlock_domain.catalog.declared import Declared, evolve_declared
from interlock_domain.catalog.provider import Provider
from interlock_domain.events import (
    ClockTicked,
    ConfigApplied,
    GatewayKeyRevoked,
    PoolRemoved,
    ProviderDefined,
    ProviderRemoved,
    ProviderStateSet,
    TargetRemoved,
)
from interlock_domain.words import AdminState


def test_what_is_no_declaration_changes_nothing() -> None:
    declared = Declared()
    assert evolve_declared(declared, ClockTicked()) is declared
    assert evolve_declared(declared, ProviderStateSet(provider="a", state=AdminState.DISABLED)) is declared


def test_removing_what_is_not_there_changes_nothing() -> None:
    for event in (
        ProviderRemoved(provider="a"),
        TargetRemoved(target="a/b"),
        PoolRemoved(pool="p"),
        GatewayKeyRevoked(name="k"),
    ):
        assert evolve_declared(Declared(), event) == Declared()


def test_each_step_is_a_value_of_its_own() -> None:
    before = Declared()
    one = evolve_declared(before, ProviderDefined(provider=Provider(name="a", base_url="http://a")))
    two = evolve_declared(one, ProviderDefined(provider=Provider(name="a", base_url="http://b")))
    assert (before.providers, list(one.providers)) == ({}, ["a"])
    assert [one.providers["a"].base_url, two.providers["a"].base_url] == ["http://a", "http://b"]


def test_the_digest_of_the_last_file_outlives_changes_from_elsewhere() -> None:
    declared = Declared()
    for revision, (digest, origin) in enumerate([("d1", "demo"), ("d2", "file"), ("d3", "api")], start=1):
        event = ConfigApplied(revision=revision, base_revision=revision - 1, digest=digest, origin=origin)
        declared = evolve_declared(declared, event)
    assert (declared.revision, declared.digest, declared.origin, declared.file_digest) == (
        3,
        "d3",
        "api",
        "d2",
    )
