"""Kinds of single values, each read through a section that uses it."""

from typing import Any

import pytest

from interlock_domain.catalog.issue import IssueCode
from tests.libs.interlock_domain.catalog.reading import HASH, config_of, issue_of


def policy_issue(section: str, key: str, value: Any) -> tuple[IssueCode, str, str]:
    issue = issue_of(policy={section: {key: value}})
    assert issue.path == ("policy", section, key)
    return issue.code, issue.message, issue.hint


@pytest.mark.parametrize(
    ("section", "key", "value", "code", "message"),
    [
        (
            "attempts",
            "max_targets",
            "three",
            IssueCode.WRONG_TYPE,
            "a whole number from 1 to 100, not `three`",
        ),
        ("attempts", "max_targets", 2.0, IssueCode.WRONG_TYPE, "a whole number from 1 to 100, not `2.0`"),
        ("attempts", "max_targets", True, IssueCode.WRONG_TYPE, "a whole number from 1 to 100, not `true`"),
        ("attempts", "max_targets", 0, IssueCode.OUT_OF_RANGE, "a whole number from 1 to 100, not `0`"),
        ("attempts", "max_targets", -1, IssueCode.OUT_OF_RANGE, "a whole number from 1 to 100, not `-1`"),
        ("attempts", "max_targets", 10**30, IssueCode.OUT_OF_RANGE, "a whole number from 1 to 100, not `1"),
        ("attempts", "deadline", "0s", IssueCode.OUT_OF_RANGE, "a duration above 0s, not `0s`"),
        ("attempts", "deadline", "-5s", IssueCode.BAD_DURATION, "a duration, not `-5s`"),
        ("attempts", "deadline", 600, IssueCode.BAD_DURATION, "a duration, not `600`"),
        ("attempts", "deadline", None, IssueCode.BAD_DURATION, "a duration, not nothing"),
        ("attempts", "deadline", "99999d", IssueCode.OUT_OF_RANGE, "a duration above 0s, not `99999d`"),
        ("cooldown", "min_ratio", 1.5, IssueCode.OUT_OF_RANGE, "a number from 0 to 1, not `1.5`"),
        ("cooldown", "min_ratio", float("nan"), IssueCode.OUT_OF_RANGE, "a number from 0 to 1, not `nan`"),
        ("cooldown", "min_ratio", False, IssueCode.WRONG_TYPE, "a number from 0 to 1, not `false`"),
        ("cooldown", "min_ratio", "0.3", IssueCode.WRONG_TYPE, "a number from 0 to 1, not `0.3`"),
        ("half_open", "ramp_from", 0, IssueCode.OUT_OF_RANGE, "a number above 0 up to 1, not `0`"),
        ("budgets", "retry_ratio", -0.5, IssueCode.OUT_OF_RANGE, "a number from 0 to 10, not `-0.5`"),
        ("streams", "hold_bytes", "64 KB", IssueCode.BAD_SIZE, "a size, not `64 KB`"),
        ("streams", "hold_bytes", True, IssueCode.BAD_SIZE, "a size, not `true`"),
        ("streams", "hold_bytes", 0, IssueCode.OUT_OF_RANGE, "a size from 1B, not `0`"),
        ("streams", "head_after", "soon", IssueCode.BAD_DURATION, "a duration, not `soon`"),
        ("guards", "quorum", "all", IssueCode.WRONG_TYPE, "a whole number from 1 to 1000, not `all`"),
        ("guards", "quorum", 0, IssueCode.OUT_OF_RANGE, "a whole number from 1 to 1000, not `0`"),
        ("affinity", "enabled", "yes", IssueCode.WRONG_TYPE, "`true` or `false`, not `yes`"),
        ("affinity", "header", "x y", IssueCode.BAD_VALUE, "the name of a header"),
        ("affinity", "header", "", IssueCode.BAD_VALUE, "the name of a header"),
        (
            "affinity",
            "fail_back",
            "later",
            IssueCode.BAD_VALUE,
            "`now`, `session_end` or `never`, not `later`",
        ),
        ("affinity", "fail_back", 3, IssueCode.WRONG_TYPE, "`now`, `session_end` or `never`, not `3`"),
        ("affinity", "load_factor", 0.5, IssueCode.OUT_OF_RANGE, "a number from 1 to 100, not `0.5`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    section: str, key: str, value: Any, code: IssueCode, message: str
) -> None:
    found, text, _ = policy_issue(section, key, value)
    assert found == code
    assert text.startswith(f"`policy.{section}.{key}` wants {message}")


@pytest.mark.parametrize(
    ("section", "key", "value", "hint"),
    [
        ("queue", "size", 10, "Leave it at `0`."),
    ],
)
def test_what_this_version_does_not_do_is_refused(section: str, key: str, value: Any, hint: str) -> None:
    code, message, found = policy_issue(section, key, value)
    assert code == IssueCode.NOT_AVAILABLE
    assert message.endswith("is not in this version")
    assert found == hint


def test_a_slip_in_a_word_is_named() -> None:
    assert policy_issue("affinity", "fail_back", "nevr")[2] == "Did you mean `never`?"


@pytest.mark.parametrize("strategy", ["least_loaded", "thompson"])
def test_later_strategies_are_refused(strategy: str) -> None:
    issue = issue_of(pools={"p": {"strategy": strategy, "members": ["local/a"]}})
    assert (issue.path, issue.code) == (("pools", "p", "strategy"), IssueCode.NOT_AVAILABLE)
    assert issue.message == f"`strategy` of pool `p`: `{strategy}` is not in this version"


def test_a_number_where_text_is_wanted_needs_quotes() -> None:
    issue = issue_of(targets={"local/a": {"software_version": 1.1}})
    assert (issue.code, issue.hint) == (IssueCode.WRONG_TYPE, "Put it into quotes.")
    assert issue_of(targets={"local/a": {"software_version": []}}).hint == ""


def test_text_with_control_characters_is_refused() -> None:
    issue = issue_of(targets={"local/a": {"upstream_model": "a\nb"}})
    assert issue.code == IssueCode.BAD_VALUE
    assert "a\nb" not in issue.message


@pytest.mark.parametrize("name", ["", "two words", "a/b", "ümlaut", "tab\t", "x" * 201])
def test_a_name_is_printable_ascii_without_spaces_and_slashes(name: str) -> None:
    issue = issue_of(keys=[{"name": name, "sha256": HASH}])
    assert (issue.path, issue.code, issue.on_key) == (("keys", 0, "name"), IssueCode.BAD_NAME, False)


def test_a_name_that_is_no_text_is_refused() -> None:
    issue = issue_of(keys=[{"name": 7, "sha256": HASH}])
    assert issue.message == "`name` of key 1 wants the name of a key, not `7`"


def test_a_long_value_is_cut_in_the_message() -> None:
    assert policy_issue("affinity", "fail_back", "x" * 80)[1].endswith(f"not `{'x' * 37}...`")


def test_sizes_may_be_plain_bytes() -> None:
    assert config_of(server={"max_body": 2048, "max_headers": "2KiB"}).server.max_body == 2048
