"""Reading configurations in tests: plain values in, the configuration or its issues out."""

from typing import Any

from interlock_domain.catalog.config import Config, parse_config
from interlock_domain.catalog.issue import Issue

LOCAL = {"local": {"base_url": "http://127.0.0.1:9001/v1"}}
HASH = "a" * 64


def config_of(**sections: Any) -> Config:
    """The configuration of these sections over one local provider; a mistake in it fails the test."""
    config = parse_config({"providers": LOCAL, **sections})
    assert isinstance(config, Config), config
    return config


def issues_of(raw: Any) -> tuple[Issue, ...]:
    """What is wrong with it; nothing fails the test."""
    issues = parse_config(raw)
    assert isinstance(issues, tuple)
    assert issues
    return issues


def issue_of(**sections: Any) -> Issue:
    """The one thing that is wrong with these sections over one local provider."""
    (issue,) = issues_of({"providers": LOCAL, **sections})
    return issue
