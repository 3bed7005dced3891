"""Blocks, maps and lists: unknown keys, missing keys, wrong types, repetitions."""

from typing import Any

import pytest

from interlock_domain.catalog.config import ROOT
from interlock_domain.catalog.issue import IssueCode
from tests.libs.interlock_domain.catalog.reading import HASH, issue_of, issues_of


def test_an_unknown_key_is_told_with_the_nearest_known_one() -> None:
    issue = issue_of(pools={"chat": {"stratgy": "weighted_random", "members": ["local/a"]}})
    assert (issue.path, issue.code, issue.on_key) == (
        ("pools", "chat", "stratgy"),
        IssueCode.UNKNOWN_KEY,
        True,
    )
    assert issue.message == "unknown key `stratgy` in pool `chat`"
    assert issue.hint == "Did you mean `strategy`?"


def test_a_key_near_to_nothing_is_told_with_all_known_ones() -> None:
    issue = issue_of(policy={"half_open": {"zzz": 1}})
    assert issue.message == "unknown key `zzz` in `policy.half_open`"
    assert issue.hint == "Known here: probe_interval, ramp_from, ramp."


@pytest.mark.parametrize("key", [3, None, True, 1.5])
def test_a_key_that_is_no_text_is_unknown(key: Any) -> None:
    issue = issue_of(policy={key: 1})
    assert (issue.path, issue.code) == (("policy", str(key)), IssueCode.UNKNOWN_KEY)


@pytest.mark.parametrize(
    ("section", "value", "words"),
    [
        ("policy", [1], "`policy` wants a block of keys, not a list"),
        ("policy", "x", "`policy` wants a block of keys, not text"),
        ("server", 3, "`server` wants a block of keys, not a single value"),
        (
            "targets",
            ["local/a"],
            "`targets` wants a block: `provider/model`, then a block of keys, not a list",
        ),
        ("keys", {"name": "a"}, "`keys` wants a list: each a block of keys, not a block of keys"),
    ],
)
def test_a_section_of_the_wrong_shape_is_told_so(section: str, value: Any, words: str) -> None:
    issue = issue_of(**{section: value})
    assert (issue.path, issue.code, issue.message) == ((section,), IssueCode.WRONG_TYPE, words)


def test_an_entry_of_the_wrong_shape_is_told_so() -> None:
    assert issue_of(keys=["team-a"]).message == "key 1 wants a block of keys, not text"
    assert issue_of(targets={"local/a": "x"}).message == "target `local/a` wants a block of keys, not text"
    assert issue_of(pools={"p": "local/a"}).message == "pool `p` wants a block of keys, not text"
    assert issue_of(providers={"a": []}).message == "provider `a` wants a block of keys, not a list"


def test_every_missing_key_is_told() -> None:
    issues = issues_of({"keys": [{}]})
    assert [issue.message for issue in issues] == ["key 1 has no `name`", "key 1 has no `sha256`"]
    assert {issue.code for issue in issues} == {IssueCode.MISSING}


def test_a_list_repeats_nothing() -> None:
    issue = issue_of(policy={"retry_on": [500, 503, 500]})
    assert (issue.path, issue.code) == (("policy", "retry_on", 2), IssueCode.DUPLICATE)
    assert issue.message == "status `500` is there twice in `policy.retry_on`"


@pytest.mark.parametrize("section", ["keys", "admins"])
def test_a_name_is_given_once(section: str) -> None:
    entry = {"name": "a", "sha256": HASH} | ({"role": "viewer"} if section == "admins" else {})
    issue = issue_of(**{section: [entry, entry]})
    assert (issue.path, issue.code) == ((section, 1), IssueCode.DUPLICATE)


@pytest.mark.parametrize(("low", "high"), [("initial", "max"), ("span_time", "window")])
def test_a_lower_limit_stays_below_its_upper_one(low: str, high: str) -> None:
    issue = issue_of(policy={"cooldown": {low: "10s", high: "5s"}})
    assert (issue.path, issue.code) == (("policy", "cooldown"), IssueCode.OUT_OF_RANGE)
    assert issue.message == f"`{low}` must not exceed `{high}` in `policy.cooldown`"


def test_a_map_may_be_empty() -> None:
    assert issues_of({"providers": None, "targets": None, "pools": {"p": None}})[0].code == IssueCode.MISSING


def _keys(block: Any, seen: list[Any]) -> list[Any]:
    for key in block.keys:
        seen.append((block, key))
        if key.kind.inside is not None:
            _keys(key.kind.inside, seen)
    return seen


def test_every_default_is_written_as_something_that_reads_as_that_default() -> None:
    """Schema, reference and parser cannot drift apart on a default."""
    from msgspec import NODEFAULT, structs

    from interlock_domain.catalog.kinds.place import Place

    checked = 0
    for block, key in _keys(ROOT, []):
        written = block.default(key)
        if written is NODEFAULT or key.required:
            continue
        fields = {field.name: field for field in structs.fields(block.struct)}
        field = fields[key.attribute]
        default = field.default if field.default is not NODEFAULT else field.default_factory()
        place = Place(("x",))
        assert key.kind.read(written, place) == default, key.name
        assert place.issues == ()
        checked += 1
    assert checked > 60


def test_every_key_has_a_meaning_a_kind_and_a_schema() -> None:
    for _, key in _keys(ROOT, []):
        assert key.doc
        assert key.kind.words
        assert isinstance(key.kind.schema(), dict)
