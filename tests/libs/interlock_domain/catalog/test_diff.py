"""What a configuration would change, in the words of the file."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.config import Config, parse_config
from interlock_domain.catalog.declared import Declared
from interlock_domain.catalog.diff import ChangeKind, diff, write_config
from tests.libs.interlock_domain.catalog.deciding import after, applying
from tests.libs.interlock_domain.catalog.reading import HASH, LOCAL, config_of


def changes(before: Config, now: Config) -> list[tuple[str, str, str, str, Any, Any]]:
    declared = after(Declared(), applying(before))
    return [(c.section, c.name, c.kind.value, c.path, c.old, c.new) for c in diff(declared, now)]


def test_nothing_changes_nothing() -> None:
    config = config_of(pools={"p": ["local/a"]}, policy={"cooldown": {"strikes": 3}})
    assert changes(config, config) == []


def test_a_changed_key_is_told_with_both_values_as_the_file_says_them() -> None:
    assert changes(
        config_of(pools={"chat": ["local/a"]}),
        config_of(
            pools={
                "chat": {"strategy": "weighted_random", "members": [{"target": "local/a", "priority": 1}]}
            },
            policy={"cooldown": {"initial": "30s"}, "guards": {"quorum": 2}},
            server={"max_body": "1MiB"},
        ),
    ) == [
        ("pools", "chat", "~", "strategy", "priority_failover", "weighted_random"),
        ("policy", "", "~", "cooldown.initial", "15s", "30s"),
        ("policy", "", "~", "guards.quorum", "auto", 2),
        ("server", "", "~", "max_body", "32MiB", "1MiB"),
    ]


def test_members_are_told_by_their_target() -> None:
    found = changes(
        config_of(targets={"local/b": {}, "local/c": {}}, pools={"p": ["local/a", "local/b"]}),
        config_of(
            targets={"local/a": {}, "local/b": {}, "local/c": {}},
            pools={
                "p": {"members": [{"target": "local/c", "weight": 3}, {"target": "local/b", "priority": 1}]}
            },
        ),
    )
    assert found == [
        ("pools", "p", "-", "member local/a", {"priority": 1, "weight": 1}, None),
        ("pools", "p", "~", "member local/b", {"priority": 2, "weight": 1}, {"priority": 1, "weight": 1}),
        ("pools", "p", "+", "member local/c", None, {"priority": 1, "weight": 3}),
    ]


def test_entries_come_and_go_whole() -> None:
    found = changes(
        config_of(keys=[{"name": "old", "sha256": HASH}], alerts=[{"url": "https://a"}]),
        config_of(keys=[{"name": "new", "sha256": HASH}], alerts=[{"url": "https://b"}]),
    )
    assert [(section, name, kind) for section, name, kind, *_ in found] == [
        ("keys", "old", "-"),
        ("keys", "new", "+"),
        ("alerts", "https://a", "-"),
        ("alerts", "https://b", "+"),
    ]
    assert found[1][5]["sha256"] == HASH


def test_an_override_is_told_only_where_it_differs_from_the_policy_for_all() -> None:
    plain: dict[str, Any] = {"p": {"members": ["local/a"]}}
    own = {
        "p": {"members": ["local/a"], "policy": {"attempts": {"max_targets": 1, "backoff": {"max": "9s"}}}}
    }
    assert changes(config_of(pools=plain), config_of(pools=own)) == [
        ("pools", "p", "+", "policy.attempts.max_targets", None, 1),
        ("pools", "p", "+", "policy.attempts.backoff.max", None, "9s"),
    ]
    stricter = {"attempts": {"deadline": "1m"}}
    assert changes(config_of(pools=own), config_of(pools=own, policy=stricter)) == [
        ("policy", "", "~", "attempts.deadline", "10m", "1m")
    ]


def test_secrets_stay_references() -> None:
    provider = {"base_url": "http://h", "api_key": "env:K", "headers": {"x-key": "file:/k", "x-team": "a"}}
    (change,) = changes(config_of(providers={}), config_of(providers={"a": provider}))
    assert change[5]["api_key"] == "env:K"
    assert change[5]["headers"] == {"x-key": "file:/k", "x-team": "a"}


@given(
    labels=st.dictionaries(st.sampled_from(["a", "b"]), st.text("xyz", max_size=3)),
    strikes=st.integers(1, 5),
    weight=st.integers(1, 5),
    queue=st.sampled_from(["0s", "5s"]),
)
def test_a_written_configuration_reads_as_itself_and_differs_from_it_in_nothing(
    labels: dict[str, str], strikes: int, weight: int, queue: str
) -> None:
    config = config_of(
        providers={**LOCAL, "openai": {"labels": labels}},
        targets={"local/a": {"policy": {"cooldown": {"strikes": strikes}}}},
        pools={
            "p": {"members": [{"target": "openai/m", "weight": weight}], "policy": {"queue": {"wait": queue}}}
        },
        admins=[{"name": "a", "role": "admin", "sha256": HASH}],
        alerts=[{"url": "https://h", "secret": "file:/k"}, {"url": "https://i"}],
    )
    again = parse_config(write_config(config))
    assert again == config
    assert changes(config, again) == []
    assert ChangeKind("~") is ChangeKind.CHANGED
