"""Apache Kafka as jars of Maven: fetched once, kept in the cache folder, checked before each use.

Rule: the folder counts only with its marker, and the marker lists every jar with its size; an interrupted
fetch leaves no marker. A file lock makes the second process wait instead of fetching too. The tarball of a
release was dropped: a machine that builds often reaches a package registry and nothing else.
"""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from msgspec import Struct

KAFKA_VERSION: Final = "4.1.1"
"""The one that compose.yaml runs, so that tests and a cluster agree."""
FETCH_S: Final = 600
"""43 MB from a registry: ten minutes is a broken line, not a slow one."""

_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>interlock</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
  <version>{KAFKA_VERSION}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
  <version>2.24.3</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
  <version>2.24.3</version></dependency>
</dependencies></project>
"""


class NoJars(Struct, frozen=True):
    """Why there are none: one sentence."""

    why: str


def cached_jars(cache: Path) -> Path | None:
    """The folder of jars when every one of them is there whole."""
    folder = _folder(cache)
    try:
        sizes = json.loads((folder / "ok").read_text())
    except (OSError, ValueError):
        return None
    whole = isinstance(sizes, dict) and sizes and sizes == _sizes(folder / "libs")
    return folder / "libs" if whole else None


def fetch_jars(cache: Path, *, maven: str | None = None) -> Path | NoJars:
    """The folder of jars, fetched when it is not there."""
    folder = _folder(cache)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return NoJars(f"the cache folder {folder} cannot be made ({error.strerror})")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return cached_jars(cache) or _fetch(folder, maven or shutil.which("mvn"))


def _fetch(folder: Path, maven: str | None) -> Path | NoJars:
    if maven is None:
        return NoJars(f"maven is missing, which fetches Kafka {KAFKA_VERSION}")
    libs = folder / "libs"
    shutil.rmtree(libs, ignore_errors=True)
    (folder / "ok").unlink(missing_ok=True)
    (folder / "pom.xml").write_text(_POM)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(
            [maven, "-q", "-B", *goal], cwd=folder, capture_output=True, timeout=FETCH_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return NoJars(f"{maven} did not fetch Kafka {KAFKA_VERSION} ({type(error).__name__})")
    if done.returncode:
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        told = next((line.strip() for line in lines if line.strip()), "it did not say why")
        return NoJars(f"{maven} did not fetch Kafka {KAFKA_VERSION}: {told[:200]}")
    if not (sizes := _sizes(libs)):
        return NoJars(f"{maven} fetched no jars of Kafka {KAFKA_VERSION}")
    (folder / "ok").write_text(json.dumps(sizes))
    return libs


def _folder(cache: Path) -> Path:
    return cache / f"kafka-{KAFKA_VERSION}"


def _sizes(libs: Path) -> dict[str, int]:
    return {jar.name: jar.stat().st_size for jar in sorted(libs.glob("*.jar"))}
