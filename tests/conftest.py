"""What holds for every test: contract suites are told in full, and properties judge values, not the clock.

A machine that builds (CI=true) draws the same examples each time, so that a red run is about the
change; everywhere else they are drawn anew, which is how new failures are found.
"""

import os

import pytest
from hypothesis import settings

from tests.cluster_fixtures import (
    database_url,
    kafka,
    local_kafka,
    local_postgres,
    postgres,
    pytest_collection_modifyitems,
    pytest_terminal_summary,
    tls_postgres,
    topics,
)

__all__ = [
    "database_url",
    "kafka",
    "local_kafka",
    "local_postgres",
    "postgres",
    "pytest_collection_modifyitems",
    "pytest_terminal_summary",
    "tls_postgres",
    "topics",
]

pytest.register_assert_rewrite("interlock_testing.contracts")

settings.register_profile("people", deadline=None)
settings.register_profile("build", deadline=None, derandomize=True)
settings.load_profile("build" if os.environ.get("CI") == "true" else "people")
