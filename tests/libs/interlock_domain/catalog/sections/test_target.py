"""Targets: ids, declared facts, and their provider."""

import pytest

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.target import Target
from tests.libs.interlock_domain.catalog.reading import config_of, issue_of


def test_every_fact_is_kept() -> None:
    facts = {
        "upstream_model": "meta/llama",
        "capabilities": ["tools", "vision"],
        "context_window": 8192,
        "max_in_flight": 4,
        "software_version": "1.2",
        "accepts_prefill": True,
        "streams": False,
        "template_ok": False,
        "tier": "free",
    }
    assert config_of(targets={"local/org/llama": facts}).targets == (
        Target(
            id="local/org/llama",
            provider="local",
            model="org/llama",
            upstream_model="meta/llama",
            capabilities=("tools", "vision"),
            context_window=8192,
            max_in_flight=4,
            software_version="1.2",
            accepts_prefill=True,
            streams=False,
            template_ok=False,
            tier="free",
        ),
    )


def test_no_capabilities_is_not_the_same_as_unknown_ones() -> None:
    assert config_of(targets={"local/a": {"capabilities": []}}).targets[0].capabilities == ()
    assert config_of(targets={"local/a": {}}).targets[0].capabilities is None


@pytest.mark.parametrize("name", ["llama", "local/", "/llama", "local/two words", "a b/c", ""])
def test_a_target_is_provider_and_model(name: str) -> None:
    issue = issue_of(targets={name: {}})
    assert (issue.path, issue.code, issue.on_key) == (("targets", name), IssueCode.BAD_MEMBER, True)


def test_an_id_that_is_no_text_is_refused() -> None:
    issue = issue_of(targets={4: {}})
    assert (issue.code, issue.message) == (
        IssueCode.WRONG_TYPE,
        "a key of `targets` wants `provider/model`, not `4`",
    )


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("locl/a", "Did you mean `local`?"),
        ("zzz/a", "Declare `zzz` in `providers`."),
        ("openai/gpt", "Add `openai: {api_key: env:OPENAI_API_KEY}` to `providers`."),
    ],
)
def test_the_provider_of_a_target_is_declared(target: str, hint: str) -> None:
    issue = issue_of(targets={target: {}})
    assert (issue.code, issue.hint) == (IssueCode.UNKNOWN_PROVIDER, hint)


def test_a_slip_in_a_capability_is_told() -> None:
    issue = issue_of(targets={"local/a": {"capabilities": ["vison"]}})
    assert (issue.path[-2:], issue.hint) == (("capabilities", 0), "Did you mean `vision`?")
