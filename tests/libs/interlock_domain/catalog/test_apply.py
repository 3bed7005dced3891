"""Applying a configuration: the events it implies, and when it is refused."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.config import Config
from interlock_domain.catalog.decide import RejectedWhy, decide
from interlock_domain.catalog.declared import Declared
from interlock_domain.catalog.key import Admin
from interlock_domain.catalog.policy import Policy, Retention
from interlock_domain.events import ConfigApplied, PoolDefined, PoolRemoved, TargetRemoved
from tests.libs.interlock_domain.catalog.deciding import after, applying, events_of, refusal_of, with_targets
from tests.libs.interlock_domain.catalog.reading import HASH, config_of


def streams(declared: Declared, config: Config, digest: str = "d2") -> list[tuple[str, str]]:
    decided = events_of(decide(declared, applying(config, digest, allow_removal=True)))
    return [(stream, type(event).__name__) for stream, event in decided]


def test_the_first_configuration_defines_everything_and_its_application_comes_first() -> None:
    config = config_of(pools={"p": ["local/a"]}, keys=[{"name": "k", "sha256": HASH}])
    assert streams(Declared(), config) == [
        ("config", "ConfigApplied"),
        ("policy", "PolicySet"),
        ("provider/local", "ProviderDefined"),
        ("target/local/a", "TargetDefined"),
        ("pool/p", "PoolDefined"),
        ("key/k", "GatewayKeyDefined"),
    ]


def test_the_same_again_changes_nothing() -> None:
    command = applying(config_of(pools={"p": ["local/a"]}))
    assert decide(after(Declared(), command), command) == ()


def test_an_empty_configuration_is_a_first_one_too() -> None:
    assert streams(Declared(), Config()) == [("config", "ConfigApplied"), ("policy", "PolicySet")]


def test_only_what_differs_is_defined_again() -> None:
    declared = after(Declared(), applying(config_of(pools={"p": ["local/a"], "q": ["local/b"]})))
    changed = config_of(pools={"p": ["local/a"], "q": ["local/b", "local/a"]})
    assert streams(declared, changed) == [("config", "ConfigApplied"), ("pool/q", "PoolDefined")]


def test_what_is_gone_is_removed_after_what_is_defined_and_users_before_what_they_use() -> None:
    before = config_of(
        providers={"a": {"base_url": "http://a"}}, pools={"p": ["a/m"]}, keys=[{"name": "k", "sha256": HASH}]
    )
    declared = after(Declared(), applying(before))
    assert streams(declared, config_of(pools={"q": ["local/m"]})) == [
        ("config", "ConfigApplied"),
        ("provider/local", "ProviderDefined"),
        ("target/local/m", "TargetDefined"),
        ("pool/q", "PoolDefined"),
        ("key/k", "GatewayKeyRevoked"),
        ("pool/p", "PoolRemoved"),
        ("target/a/m", "TargetRemoved"),
        ("provider/a", "ProviderRemoved"),
    ]


def test_a_new_policy_or_server_is_one_event() -> None:
    declared = after(Declared(), applying(config_of()))
    assert streams(declared, config_of(server={"drain": "1s"})) == [
        ("config", "ConfigApplied"),
        ("policy", "PolicySet"),
    ]
    assert ("policy", "PolicySet") in streams(declared, config_of(policy={"attempts": {"max_targets": 1}}))


def test_new_admins_retention_or_alerts_travel_in_the_application_itself() -> None:
    declared = after(Declared(), applying(config_of()))
    config = config_of(
        admins=[{"name": "a", "role": "viewer", "sha256": HASH}],
        retention={"events": "1d"},
        alerts=[{"url": "https://h"}],
    )
    ((stream, event),) = events_of(decide(declared, applying(config, "d1")))
    assert stream == "config"
    assert isinstance(event, ConfigApplied)
    assert event.admins == (Admin(name="a", role="viewer", sha256=HASH),)
    assert event.retention == Retention(events_ms=86_400_000)
    assert [alert.url for alert in event.alerts] == ["https://h"]


def test_revisions_follow_one_another() -> None:
    declared = after(Declared(), applying(with_targets(1), "d1"))
    _, event = events_of(decide(declared, applying(with_targets(2), "d2", base_revision=1)))[0]
    assert event == ConfigApplied(revision=2, base_revision=1, digest="d2", origin="file")


def test_a_file_that_only_looks_different_becomes_a_revision_so_that_its_digest_is_known() -> None:
    declared = after(Declared(), applying(with_targets(1), "d1"))
    assert streams(declared, with_targets(1), "d2") == [("config", "ConfigApplied")]


def test_a_stale_base_is_refused() -> None:
    declared = after(Declared(), applying(with_targets(1)))
    reason, hint = refusal_of(decide(declared, applying(with_targets(2), "d2", base_revision=0)))
    assert reason == RejectedWhy.STALE_REVISION
    assert hint == "Run `interlock plan` again and look at what changed."


def test_removing_many_targets_needs_the_flag() -> None:
    declared = after(Declared(), applying(with_targets(20)))
    assert refusal_of(decide(declared, applying(with_targets(13), "d2"))) == (
        RejectedWhy.TOO_MANY_REMOVED,
        "If that is meant, run it with --allow-removal.",
    )
    (_, first), *rest = events_of(decide(declared, applying(with_targets(13), "d2", allow_removal=True)))
    assert isinstance(first, ConfigApplied)
    assert first.allow_removal
    assert sum(isinstance(event, TargetRemoved) for _, event in rest) == 7
    assert events_of(decide(declared, applying(with_targets(14), "d2")))


def test_removing_all_targets_needs_the_flag_however_few_they_are() -> None:
    declared = after(Declared(), applying(with_targets(2)))
    assert refusal_of(decide(declared, applying(with_targets(0), "d2")))[0] == RejectedWhy.TOO_MANY_REMOVED
    assert events_of(decide(declared, applying(with_targets(0), "d2", allow_removal=True)))


def test_the_demo_makes_way_without_a_flag_and_tells_gateways_so() -> None:
    declared = after(Declared(), applying(with_targets(9), "demo", "demo"))
    (_, first), *rest = events_of(decide(declared, applying(with_targets(0), "d1")))
    assert isinstance(first, ConfigApplied)
    assert first.allow_removal
    assert any(isinstance(event, PoolRemoved) for _, event in rest)


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True, max_size=4)
CONFIGS = st.builds(
    lambda targets, pools, strikes, keys: config_of(
        targets={f"local/{name}": {"tier": "free"} for name in targets},
        pools={name: [f"local/{member}" for member in members] for name, members in pools.items() if members},
        policy={"cooldown": {"strikes": strikes}},
        keys=[{"name": name, "sha256": HASH} for name in keys],
    ),
    targets=NAMES,
    pools=st.dictionaries(st.sampled_from(["p", "q", "r"]), NAMES, max_size=3),
    strikes=st.integers(1, 3),
    keys=NAMES,
)


@given(first=CONFIGS, second=CONFIGS)
def test_folding_what_was_decided_gives_the_configuration(first: Config, second: Config) -> None:
    declared = after(Declared(), applying(first, "d1"))
    assert declared.config() == first
    declared = after(declared, applying(second, "d2", allow_removal=True))
    folded = declared.config()
    assert {pool.name: pool for pool in folded.pools} == {pool.name: pool for pool in second.pools}
    assert {target.id: target for target in folded.targets} == {
        target.id: target for target in second.targets
    }
    assert {key.name: key for key in folded.keys} == {key.name: key for key in second.keys}
    assert (folded.policy, folded.providers) == (second.policy, second.providers)
    assert decide(declared, applying(second, "d2")) == ()


def test_each_stream_gets_one_event() -> None:
    declared = after(Declared(), applying(config_of(pools={"p": ["local/a"]})))
    decided = events_of(decide(declared, applying(config_of(pools={"p": ["local/b"]}), "d2")))
    names = [stream for stream, _ in decided]
    assert len(names) == len(set(names))
    assert [type(event) for stream, event in decided if stream == "pool/p"] == [PoolDefined]
    assert Policy() == declared.policy
