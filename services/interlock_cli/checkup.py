"""What `interlock doctor` looks at on this machine: each look is a function that answers findings.

Rule: a finding says how it is and, when it is not well, what to do; nothing is changed or created by looking,
and no look stops the next one. Dropped: one long script, in which a missing file hid everything behind it.
"""

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_domain.catalog.config import Config
from interlock_quickstart.credentials import missing_secrets
from interlock_quickstart.settings import CONFIG_NAME, Environment, read_environment
from interlock_runtime.config_file import LoadedConfig, load_config
from interlock_runtime.data_dir import LOCK, read_run
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.sqlite import SqliteDatabase
from interlock_runtime.sqlite_errors import StorageError

PYTHON: Final = (3, 11)
LOW_DISK: Final = 1024**3
"""A log of a busy day is some hundred megabytes; below a gigabyte the disk is what fails next."""


class Level(StrEnum):
    """How a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True):
    """One line: what was looked at, how it is, what to do about it."""

    level: Level
    what: str
    says: str
    do: str = ""


def look_at_python() -> Finding:
    """The interpreter."""
    here = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        return Finding(Level.FAIL, "python", f"{here} is too old", "install Python 3.11 or newer")
    return Finding(Level.OK, "python", here)


def look_at_environment() -> tuple[Environment | None, list[Finding]]:
    """Variables that begin with INTERLOCK_."""
    read = read_environment()
    if isinstance(read, tuple):
        return None, [Finding(Level.FAIL, "environment", str(problem), "correct it") for problem in read]
    found = [Finding(Level.WARN, "environment", str(problem), "rename it") for problem in read.misspelt]
    return read, found or [Finding(Level.OK, "environment", "every variable is understood")]


def cell_named() -> RuntimeSettings | None:
    """The settings of a cell, when the environment names one."""
    read = read_environment()
    if isinstance(read, tuple):
        return None
    named = (read.runtime.database_url or "").startswith("postgresql")
    return read.runtime if named or read.runtime.kafka_bootstrap else None


def look_at_config(path: Path | None) -> tuple[Config | None, list[Finding]]:
    """The configuration file."""
    wanted = path or Path(CONFIG_NAME)
    if path is None and not wanted.exists():
        return None, [
            Finding(Level.OK, "config", f"no {CONFIG_NAME} here: quickstart runs the demo or its journal")
        ]
    loaded = load_config(wanted)
    if isinstance(loaded, LoadedConfig):
        config = loaded.config
        counts = (
            f"{len(config.providers)} providers, {len(config.targets)} targets, {len(config.pools)} pools"
        )
        return config, [Finding(Level.OK, "config", f"{wanted} is valid: {counts}")]
    return None, [Finding(Level.FAIL, "config", str(problem), "correct the file") for problem in loaded]


def look_at_secrets(config: Config, variables: Mapping[str, str]) -> Iterator[Finding]:
    """Credentials that the configuration refers to."""
    missing = missing_secrets(config.providers, variables)
    for provider, what_to_set in missing.items():
        yield Finding(
            Level.WARN, "secret", f"{provider}: {what_to_set}", "its targets are not called until then"
        )
    if not missing:
        yield Finding(Level.OK, "secret", "every credential that the file refers to is there")


def look_at_data_dir(path: Path) -> Iterator[Finding]:
    """The folder, who owns it, and the disk below it."""
    if not path.exists():
        yield Finding(Level.OK, "data folder", f"{path} does not exist yet: the first quickstart makes it")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            Level.FAIL, "data folder", f"{path} may not be written by this user", f"chown or chmod {path}"
        )
        return
    run = read_run(path)
    owner = f"in use by process {run.pid}" if run is not None else "nobody uses it now"
    left = (path / LOCK).exists()
    yield Finding(Level.OK, "data folder", f"{path}: {owner}" + ("" if left else ", never used"))
    yield _disk(path)


def _disk(path: Path) -> Finding:
    disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    text = f"{free / 1024**3:.1f} GiB free"
    if free < LOW_DISK:
        return Finding(
            Level.WARN, "disk", text, "free some space: a full disk stops the log, not the inference"
        )
    return Finding(Level.OK, "disk", text)


def look_at_database(path: Path) -> Finding:
    """Integrity and layout of the file; a damaged one is told, never repaired."""
    if not path.exists():
        return Finding(Level.OK, "database", f"{path} does not exist yet")
    try:
        opened = SqliteDatabase.open_read_only(path)
        answer: str = opened.declare("", lambda lane: lane.execute("PRAGMA quick_check(1)").fetchone()[0])
    except StorageError as error:
        return Finding(Level.FAIL, "database", str(error), "the sentence says it")
    size = f"{path.stat().st_size / 1024**2:.1f} MiB"
    if answer != "ok":
        return Finding(
            Level.FAIL, "database", f"{path} is damaged: {answer}", "restore a copy of it and of its -wal"
        )
    return Finding(Level.OK, "database", f"{path} is sound, {size}")


def look_at_ports(ports: Mapping[str, int]) -> Iterator[Finding]:
    """Whether a quickstart could listen here. `ports`: the option that names it -> the port."""
    for option, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                reason = (error.strerror or "error").lower()
                yield Finding(
                    Level.WARN, "port", f"{port}: {reason}", f"stop what uses it, or choose {option}"
                )
            else:
                yield Finding(Level.OK, "port", f"{port} is free")
