"""The policy section: who may set what, and how an override stands over the policy for all."""

from typing import Any

import pytest

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.policy import Policy
from interlock_domain.catalog.sections.policy import PolicyBlock, as_block
from tests.libs.interlock_domain.catalog.reading import config_of, issue_of

FOLD_SIDE = [{"cooldown": {"strikes": 3}}, {"half_open": {"ramp": "0s"}}, {"guards": {"quorum": 2}}]
REQUEST_SIDE = [
    {"attempts": {"max_targets": 1}},
    {"retry_on": [503]},
    {"timeouts": {"connect": "1s"}},
    {"streams": {"heartbeat": "9s"}},
    {"guards": {"max_excluded": 0.1}},
    {"budgets": {"retry_ratio": 1}},
    {"hedge": {"enabled": True, "after": "1s"}},
    {"affinity": {"enabled": False}},
    {"queue": {"wait": "1s"}},
    {"failover_on_content_policy": True},
]


@pytest.mark.parametrize("policy", FOLD_SIDE + REQUEST_SIDE + [{"guards": {"freeze_flips": 0.2}}])
def test_every_key_may_be_set_for_all(policy: dict[str, Any]) -> None:
    assert config_of(policy=policy).policy != Policy()


@pytest.mark.parametrize("policy", FOLD_SIDE)
def test_what_the_fold_reads_may_be_set_per_target(policy: dict[str, Any]) -> None:
    (target,) = config_of(targets={"local/a": {"policy": policy}}).targets
    assert target.policy == config_of(policy=policy).policy.target


@pytest.mark.parametrize("policy", REQUEST_SIDE)
def test_what_a_request_reads_may_be_set_per_pool(policy: dict[str, Any]) -> None:
    (pool,) = config_of(pools={"p": {"members": ["local/a"], "policy": policy}}).pools
    assert pool.policy == config_of(policy=policy).policy.pool


@pytest.mark.parametrize("policy", FOLD_SIDE)
def test_a_pool_may_not_set_what_the_fold_reads(policy: dict[str, Any]) -> None:
    issue = issue_of(pools={"p": {"members": ["local/a"], "policy": policy}})
    assert (issue.code, issue.on_key) == (IssueCode.WRONG_SCOPE, True)
    assert "`targets.<provider/model>.policy." in issue.hint


@pytest.mark.parametrize("policy", REQUEST_SIDE)
def test_a_target_may_not_set_what_a_request_reads(policy: dict[str, Any]) -> None:
    issue = issue_of(targets={"local/a": {"policy": policy}})
    assert issue.code == IssueCode.WRONG_SCOPE
    assert "`pools.<name>.policy." in issue.hint


@pytest.mark.parametrize(
    "sections",
    [
        {"pools": {"p": {"members": ["local/a"], "policy": {"guards": {"freeze_flips": 0.2}}}}},
        {"targets": {"local/a": {"policy": {"guards": {"freeze_flips": 0.2}}}}},
    ],
)
def test_the_freeze_is_for_all_only(sections: dict[str, Any]) -> None:
    issue = issue_of(**sections)
    assert issue.path[-2:] == ("guards", "freeze_flips")
    assert issue.hint == "Move it to `policy.guards.freeze_flips`: it holds for all."


def test_the_message_names_both_right_places() -> None:
    issue = issue_of(pools={"chat": {"members": ["local/a"], "policy": {"guards": {"quorum": 2}}}})
    assert issue.message == "`quorum` has no effect in `policy.guards` of pool `chat`"
    assert (
        issue.hint == "Move it to `policy.guards.quorum` or `targets.<provider/model>.policy.guards.quorum`."
    )


def test_an_override_keeps_what_is_set_for_all() -> None:
    config = config_of(
        policy={"attempts": {"max_targets": 5, "retries_per_target": 0}, "cooldown": {"strikes": 4}},
        targets={"local/a": {"policy": {"cooldown": {"span": 30}}}},
        pools={"p": {"members": ["local/a"], "policy": {"attempts": {"max_targets": 2}}}},
    )
    pool, target = config.pools[0].policy, config.targets[0].policy
    assert pool is not None
    assert (pool.attempts.max_targets, pool.attempts.retries_per_target) == (2, 0)
    assert target is not None
    assert (target.cooldown.strikes, target.cooldown.span) == (4, 30)


def test_an_override_that_changes_nothing_is_none() -> None:
    config = config_of(
        targets={"local/a": {"policy": {"cooldown": {"strikes": 2}}}},
        pools={"p": {"members": ["local/a"], "policy": {"attempts": {}}}},
    )
    assert config.pools[0].policy is None
    assert config.targets[0].policy is None


def test_words_stand_for_values() -> None:
    policy = config_of(policy={"guards": {"quorum": "auto"}, "streams": {"head_after": "never"}}).policy
    assert policy == Policy()
    policy = config_of(policy={"guards": {"quorum": 3}, "streams": {"head_after": "2s"}}).policy
    assert (policy.target.quorum, policy.pool.streams.head_after_ms) == (3, 2_000)


@pytest.mark.parametrize("status", [99, 600, 0, -1])
def test_a_status_is_a_status(status: int) -> None:
    issue = issue_of(policy={"retry_on": [500, status]})
    assert (issue.path, issue.code) == (("policy", "retry_on", 1), IssueCode.OUT_OF_RANGE)
    assert issue.message == f"`policy.retry_on.2` wants a whole number from 100 to 599, not `{status}`"


def test_the_policy_for_all_is_grouped_back_as_it_was() -> None:
    block = PolicyBlock()
    assert as_block(block.for_all()) == block
