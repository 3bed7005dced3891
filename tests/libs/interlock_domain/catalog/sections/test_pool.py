"""Pools: plain lists, members with priority and weight, names, and pools without members."""

from typing import Any

import pytest

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.pool import Member, Pool
from interlock_domain.words import StrategyName
from tests.libs.interlock_domain.catalog.reading import config_of, issue_of, issues_of


def pool(raw: Any) -> Pool:
    return config_of(pools={"p": raw}).pools[0]


def ranks(found: Pool) -> list[tuple[str, int, int]]:
    return [(member.target, member.priority, member.weight) for member in found.members]


def test_a_list_is_priority_failover_in_its_order() -> None:
    found = pool(["local/a", "local/b", "local/c"])
    assert found.strategy == StrategyName.PRIORITY_FAILOVER
    assert ranks(found) == [("local/a", 1, 1), ("local/b", 2, 1), ("local/c", 3, 1)]


def test_plain_members_of_a_block_are_ordered_too() -> None:
    assert ranks(pool({"members": ["local/a", "local/b"]})) == [("local/a", 1, 1), ("local/b", 2, 1)]


@pytest.mark.parametrize("strategy", ["weighted_round_robin", "weighted_random"])
def test_plain_members_of_a_weighted_pool_are_equals(strategy: str) -> None:
    found = pool({"strategy": strategy, "members": ["local/a", "local/b"]})
    assert ranks(found) == [("local/a", 1, 1), ("local/b", 1, 1)]


def test_members_may_say_priority_and_weight() -> None:
    found = pool(
        {"members": [{"target": "local/a", "priority": 5}, {"target": "local/b", "weight": 3}, "local/c"]}
    )
    assert ranks(found) == [("local/a", 5, 1), ("local/b", 1, 3), ("local/c", 3, 1)]


def test_members_of_a_plain_list_may_be_blocks() -> None:
    assert ranks(pool([{"target": "local/a", "weight": 2}])) == [("local/a", 1, 2)]


def test_every_key_is_kept() -> None:
    found = pool({"members": ["local/a"], "expose_model": "pool", "min_software_version": "1.4"})
    assert found == Pool(
        name="p", members=(Member(target="local/a"),), expose_model="pool", min_software_version="1.4"
    )


@pytest.mark.parametrize("raw", [[], {"members": []}, {"members": None}])
def test_an_empty_pool_is_refused(raw: Any) -> None:
    issue = issue_of(pools={"p": raw})
    assert (issue.path, issue.code, issue.message) == (
        ("pools", "p"),
        IssueCode.EMPTY_POOL,
        "pool `p` has no members",
    )


def test_a_pool_without_the_key_is_told_so() -> None:
    issue = issue_of(pools={"p": {"strategy": "weighted_random"}})
    assert (issue.code, issue.message) == (IssueCode.MISSING, "pool `p` has no `members`")


def test_a_pool_whose_members_cannot_be_read_is_not_called_empty() -> None:
    assert issue_of(pools={"p": ["llama"]}).code == IssueCode.BAD_MEMBER
    assert issue_of(pools={"p": {"members": ["llama"]}}).code == IssueCode.BAD_MEMBER


@pytest.mark.parametrize("name", ["a/b", "local/a", "two words", ""])
def test_a_pool_name_cannot_hide_an_exact_target(name: str) -> None:
    issue = issue_of(pools={name: ["local/a"]})
    assert (issue.path, issue.code, issue.on_key) == (("pools", name), IssueCode.BAD_NAME, True)


@pytest.mark.parametrize(
    ("member", "path", "code"),
    [
        ("llama", (1,), IssueCode.BAD_MEMBER),
        ("zzz/a", (1,), IssueCode.UNKNOWN_PROVIDER),
        (3, (1,), IssueCode.WRONG_TYPE),
        ({"target": "zzz/a"}, (1, "target"), IssueCode.UNKNOWN_PROVIDER),
        ({"target": 3}, (1, "target"), IssueCode.WRONG_TYPE),
        ({"target": "local/a", "weight": 0}, (1, "weight"), IssueCode.OUT_OF_RANGE),
        ({"target": "local/a", "priority": -1}, (1, "priority"), IssueCode.OUT_OF_RANGE),
        ({"weight": 1}, (1,), IssueCode.MISSING),
        ("local/first", (1,), IssueCode.DUPLICATE),
    ],
)
def test_an_issue_stands_at_its_member(member: Any, path: tuple[Any, ...], code: IssueCode) -> None:
    plain = issue_of(pools={"p": ["local/first", member]})
    assert (plain.path, plain.code) == (("pools", "p", *path), code)
    spelled = issue_of(pools={"p": {"members": ["local/first", member]}})
    assert (spelled.path, spelled.code) == (("pools", "p", "members", *path), code)


def test_members_after_a_mistake_keep_their_places() -> None:
    issues = issues_of({"providers": {}, "pools": {"p": ["x", "y/z"]}})
    assert [issue.path[-1] for issue in issues] == [0, 1]
