"""Gateway keys, admins and alerts."""

from typing import Any

import pytest

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.key import Admin, Alert, GatewayKey
from tests.libs.interlock_domain.catalog.reading import HASH, config_of, issue_of


def test_keys_admins_and_alerts_are_kept() -> None:
    config = config_of(
        pools={"chat": ["local/a"]},
        keys=[
            {"name": "team-a", "sha256": HASH.upper(), "pools": ["chat"], "max_in_flight": 3, "max_rps": 1}
        ],
        admins=[{"name": "alice", "role": "operator", "sha256": HASH}],
        alerts=[{"url": "https://h/x", "on": ["cooldown", "stale"]}],
    )
    assert config.keys == (
        GatewayKey(name="team-a", sha256=HASH, pools=("chat",), max_in_flight=3, max_rps=1.0),
    )
    assert config.admins == (Admin(name="alice", role="operator", sha256=HASH),)
    assert config.alerts == (Alert(url="https://h/x", on=("cooldown", "stale")),)


@pytest.mark.parametrize("value", ["sk-raw-key", HASH[:-1], HASH + "0", "g" * 64, 12, None, ""])
def test_a_raw_key_is_never_taken_for_a_hash_nor_repeated(value: Any) -> None:
    issue = issue_of(keys=[{"name": "a", "sha256": value}])
    assert (issue.path, issue.code) == (("keys", 0, "sha256"), IssueCode.LITERAL_SECRET)
    assert "sk-raw-key" not in issue.message + issue.hint


def test_a_key_is_for_pools_that_exist() -> None:
    issue = issue_of(
        pools={"chat": ["local/a"]}, keys=[{"name": "a", "sha256": HASH, "pools": ["chat", "chatt"]}]
    )
    assert (issue.path, issue.code) == (("keys", 0, "pools", 1), IssueCode.UNKNOWN_POOL)
    assert issue.message == "`pools.2` of key 1: `chatt` is not declared"
    assert issue.hint == "Did you mean `chat`?"


def test_a_key_for_no_pool_at_all_differs_from_one_for_every_pool() -> None:
    keys = config_of(keys=[{"name": "a", "sha256": HASH, "pools": []}, {"name": "b", "sha256": HASH}]).keys
    assert [key.pools for key in keys] == [(), None]


@pytest.mark.parametrize(
    ("section", "entry", "path", "code"),
    [
        ("admins", {"name": "a", "role": "root", "sha256": HASH}, "role", IssueCode.BAD_VALUE),
        ("alerts", {"url": "h/x"}, "url", IssueCode.BAD_URL),
        ("alerts", {"url": "https://u:p@h/x"}, "url", IssueCode.LITERAL_SECRET),
        ("alerts", {"url": "https://h/x", "secret": "abc"}, "secret", IssueCode.LITERAL_SECRET),
        ("keys", {"name": "a", "sha256": HASH, "max_rps": 0}, "max_rps", IssueCode.OUT_OF_RANGE),
        ("keys", {"name": "a", "sha256": HASH, "max_in_flight": 0}, "max_in_flight", IssueCode.OUT_OF_RANGE),
    ],
)
def test_an_entry_with_a_mistake_is_refused(section: str, entry: Any, path: str, code: IssueCode) -> None:
    issue = issue_of(**{section: [entry]})
    assert (issue.path, issue.code) == ((section, 0, path), code)


def test_an_alert_about_something_unknown_is_refused() -> None:
    issue = issue_of(alerts=[{"url": "https://h", "on": ["cooldwn"]}])
    assert (issue.path, issue.hint) == (("alerts", 0, "on", 0), "Did you mean `cooldown`?")
