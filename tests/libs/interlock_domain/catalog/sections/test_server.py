"""Server limits and retention."""

import pytest

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.policy import Retention, ServerLimits
from tests.libs.interlock_domain.catalog.reading import config_of, issue_of


def test_limits_are_kept() -> None:
    config = config_of(
        server={"max_body": "1MiB", "drain": "0s", "cors_origins": ["*", "https://example.org:8443"]},
        retention={"requests": "1h", "max_disk": "1GiB"},
    )
    assert config.server == ServerLimits(
        max_body=1024**2, drain_ms=0, cors_origins=("*", "https://example.org:8443")
    )
    assert config.retention == Retention(requests_ms=3_600_000, max_disk=1024**3)


def test_nothing_is_kept_for_less_than_an_hour() -> None:
    issue = issue_of(retention={"events": "30m"})
    assert (issue.code, issue.message) == (
        IssueCode.OUT_OF_RANGE,
        "`retention.events` wants a duration from 1h, not `30m`",
    )


@pytest.mark.parametrize("origin", ["example.org", "https://example.org/path", "ftp://example.org", ""])
def test_an_origin_is_scheme_and_host(origin: str) -> None:
    assert issue_of(server={"cors_origins": [origin]}).code == IssueCode.BAD_VALUE
