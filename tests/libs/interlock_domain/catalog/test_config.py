"""Whole configurations: what the file may leave out, what it may say, and that reading never raises."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.config import Config, config_digest, parse_config
from interlock_domain.catalog.diff import write_config
from interlock_domain.catalog.issue import Issue, IssueCode
from interlock_domain.catalog.policy import (
    Affinity,
    Attempts,
    CooldownPolicy,
    Policy,
    Retention,
    ServerLimits,
)
from interlock_domain.catalog.pool import Member
from interlock_domain.catalog.provider import Provider, SecretRef
from interlock_domain.catalog.target import Target
from tests.libs.interlock_domain.catalog.reading import HASH, LOCAL, config_of, issue_of, issues_of


def test_a_small_file_is_enough() -> None:
    config = parse_config(
        {
            "providers": {"openai": {"api_key": "env:OPENAI_API_KEY"}, "groq": {"api_key": "file:/run/groq"}},
            "pools": {"fast": ["groq/llama-3.3-70b-versatile", "openai/gpt-5-mini"]},
        }
    )
    assert isinstance(config, Config)
    assert [provider.base_url for provider in config.providers] == [
        "https://api.openai.com/v1",
        "https://api.groq.com/openai/v1",
    ]
    assert [provider.api_key for provider in config.providers] == [
        SecretRef(env="OPENAI_API_KEY"),
        SecretRef(file="/run/groq"),
    ]
    assert config.pools[0].members == (
        Member(target="groq/llama-3.3-70b-versatile", priority=1),
        Member(target="openai/gpt-5-mini", priority=2),
    )


def test_nothing_at_all_is_a_configuration_with_every_default() -> None:
    assert parse_config({}) == Config()
    assert Config().policy == Policy()


def test_a_file_without_pools_serves_exact_targets() -> None:
    assert config_of() == Config(providers=(Provider(name="local", base_url="http://127.0.0.1:9001/v1"),))


def test_a_block_without_a_value_is_an_empty_block() -> None:
    empty = dict.fromkeys(("targets", "pools", "policy", "keys", "admins", "server", "retention", "alerts"))
    assert config_of(**empty) == config_of()


def test_a_partial_block_keeps_the_other_defaults() -> None:
    config = config_of(
        policy={"attempts": {"max_targets": 2}, "cooldown": {"strikes": 4}, "affinity": {"ttl": "1h"}},
        server={"drain": "5s"},
        retention={"events": "1d"},
    )
    assert config.policy.pool.attempts == Attempts(max_targets=2)
    assert config.policy.target.cooldown == CooldownPolicy(strikes=4)
    assert config.policy.pool.affinity == Affinity(ttl_ms=3_600_000)
    assert config.policy.pool.affinity.enabled is True
    assert config.server == ServerLimits(drain_ms=5_000)
    assert config.retention == Retention(events_ms=86_400_000)


def test_a_target_that_only_a_pool_names_is_declared_by_that() -> None:
    config = config_of(targets={"local/b": {"tier": "free"}}, pools={"p": ["local/a/x", "local/b"]})
    assert config.targets == (
        Target(id="local/b", provider="local", model="b", tier="free"),
        Target(id="local/a/x", provider="local", model="a/x"),
    )


def test_all_mistakes_are_told_at_once() -> None:
    raw = {
        "providers": {"local": {"base_url": "ftp://x"}},
        "pools": {"p": {"strategy": "best", "members": ["local/a", "nowhere/b"]}, "q": []},
        "policy": {"cooldown": {"strikes": 0}},
        "sever": {},
    }
    assert sorted(issue.code for issue in issues_of(raw)) == sorted(
        [
            IssueCode.BAD_URL,
            IssueCode.BAD_VALUE,
            IssueCode.UNKNOWN_PROVIDER,
            IssueCode.EMPTY_POOL,
            IssueCode.OUT_OF_RANGE,
            IssueCode.UNKNOWN_KEY,
        ]
    )


def test_a_provider_with_a_mistake_is_still_a_known_one() -> None:
    raw = {"providers": {"x": {"base_url": 3}}, "pools": {"p": ["x/m"]}}
    assert [issue.path for issue in issues_of(raw)] == [("providers", "x", "base_url")]


def test_a_pool_with_a_mistake_is_still_a_known_one() -> None:
    assert issue_of(pools={"p": []}, keys=[{"name": "k", "sha256": HASH, "pools": ["p"]}]).path == (
        "pools",
        "p",
    )


@pytest.mark.parametrize("raw", [None, [], "text", 3, [{"providers": {}}]])
def test_what_is_no_block_of_keys_is_told_so(raw: Any) -> None:
    found = parse_config(raw)
    assert found == Config() if raw is None else isinstance(found, tuple)


def test_the_digest_knows_content_and_nothing_else() -> None:
    first = {"providers": {"a": {"labels": {"x": "1", "y": "2"}}}, "policy": {"retry_on": [500]}}
    second = {"policy": {"retry_on": [500]}, "providers": {"a": {"labels": {"y": "2", "x": "1"}}}}
    assert config_digest(first) == config_digest(second)
    assert len(config_digest(first)) == 64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": True}, {"a": "true"}),
        ({"a": None}, {"a": {}}),
        ({1: 2}, {"1": 2}),
        ([1, 2], [2, 1]),
        ({"a": {}}, {}),
    ],
)
def test_different_content_has_a_different_digest(one: Any, other: Any) -> None:
    assert config_digest(one) != config_digest(other)


def test_the_digest_of_a_known_file_never_changes() -> None:
    """It is compared with what the journal holds, across versions."""
    raw = {
        "providers": {"openai": {"api_key": "env:K"}},
        "pools": {"fast": ["openai/gpt-5-mini"]},
        "n": [1, 2.5, True],
    }
    assert config_digest(raw) == "88835d88219be829fadc09b503783284f40f8b9c0c0a821c40b5ac558b59b3eb"


def test_a_number_of_thousands_of_digits_is_told_and_not_a_crash() -> None:
    huge = 1 << 40_000
    raw = {huge: 1, "policy": {huge: 1, "retry_on": [huge]}, "pools": {huge: []}, "targets": {huge: {}}}
    assert len(issues_of(raw)) == 5
    assert len(config_digest(raw)) == 64


# --- properties ----------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["15s", "32MiB", "env:A", "none", "local/a", "x/y", "a b", "http://h/v1", HASH, "never", "\ud800"]
    ),
)
KEYS = st.one_of(
    SCALARS,
    st.sampled_from(
        [
            "providers",
            "targets",
            "pools",
            "policy",
            "keys",
            "admins",
            "server",
            "retention",
            "alerts",
            "local",
            "p",
            "local/a",
            "base_url",
            "api_key",
            "headers",
            "query",
            "auth",
            "labels",
            "members",
            "target",
            "strategy",
            "priority",
            "weight",
            "attempts",
            "backoff",
            "initial",
            "max",
            "cooldown",
            "guards",
            "quorum",
            "streams",
            "retry_on",
            "name",
            "sha256",
            "url",
            "on",
            "role",
            "capabilities",
            "apis",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=30,
)


@given(raw=VALUES)
def test_whatever_the_file_holds_there_is_an_answer(raw: Any) -> None:
    found = parse_config(raw)
    if isinstance(found, Config):
        assert msgspec.convert(msgspec.to_builtins(found), Config) == found
    else:
        assert all(isinstance(issue, Issue) for issue in found)
        assert found
    assert len(config_digest(raw)) == 64


@given(section=st.sampled_from(sorted(msgspec.structs.asdict(Config()))), raw=VALUES)
def test_whatever_a_section_holds_there_is_an_answer(section: str, raw: Any) -> None:
    found = parse_config({"providers": LOCAL, section: raw})
    assert isinstance(found, Config) or found


@given(
    quorum=st.sampled_from(["auto", 1, 7]),
    strikes=st.integers(1, 9),
    targets=st.integers(1, 5),
    deadline=st.integers(1, 10**9),
    pool_policy=st.booleans(),
    ratio=st.floats(0, 1),
)
def test_what_was_read_can_be_written_and_read_again(
    quorum: Any, strikes: int, targets: int, deadline: int, pool_policy: bool, ratio: float
) -> None:
    pool: dict[str, Any] = {"members": [f"local/m{number}" for number in range(targets)]}
    if pool_policy:
        pool["policy"] = {"attempts": {"deadline": f"{deadline}ms"}, "guards": {"max_excluded": ratio}}
    config = config_of(
        targets={"local/m0": {"policy": {"cooldown": {"strikes": strikes}, "guards": {"quorum": quorum}}}},
        pools={"p": pool},
        policy={"guards": {"freeze_flips": ratio}, "streams": {"head_after": "2s"}},
        keys=[{"name": "k", "sha256": HASH, "pools": ["p"], "max_rps": 0.5}],
    )
    assert parse_config(write_config(config)) == config
