"""What the environment says about services for tests: the one place here that reads it.

Rule: an empty variable is an absent one. Options on the pytest command line were dropped: a build machine
hands on an environment, not arguments.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class ServiceSettings(Struct, frozen=True, kw_only=True):
    """Given services, where to keep what was fetched, and whether a missing service may be passed over."""

    kafka: str | None = None
    """`host:port,host:port` of a Kafka that tests may create topics in."""
    database_url: str | None = None
    """A PostgreSQL login that may create databases."""
    cache: Path
    java_home: str | None = None
    docker: str
    """Address of the Docker engine."""
    required: bool = False
    """A machine that builds: a skipped tier would be a green lie there."""


def service_settings(environ: Mapping[str, str] | None = None) -> ServiceSettings:
    """The settings of this process, or of the given environment."""
    env = os.environ if environ is None else environ
    cache = env.get("XDG_CACHE_HOME") or str(Path(env.get("HOME") or "~").expanduser() / ".cache")
    return ServiceSettings(
        kafka=env.get("INTERLOCK_TEST_KAFKA") or None,
        database_url=env.get("INTERLOCK_TEST_DATABASE_URL") or None,
        cache=Path(cache) / "interlock",
        java_home=env.get("JAVA_HOME") or None,
        docker=env.get("DOCKER_HOST") or "unix:///var/run/docker.sock",
        required=env.get("CI") == "true",
    )
