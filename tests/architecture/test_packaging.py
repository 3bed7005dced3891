"""A package that exists is shipped, typed and walled; a requirement file names no index and no machine."""

import re
import tomllib
from typing import Any

import pytest

from tests.architecture.tree import ROOT, packages

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def test_every_package_is_shipped() -> None:
    assert sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == sorted(packages())


def test_every_package_has_its_walls() -> None:
    names = sorted(p.partition("/")[2] for p in packages())
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == names
    assert sorted(PROJECT["tool"]["ruff"]["lint"]["isort"]["known-first-party"]) == names


def test_every_package_stands_in_the_layers() -> None:
    layers = " ".join(PROJECT["tool"]["importlinter"]["contracts"][0]["layers"])
    assert sorted(re.findall(r"interlock_\w+", layers)) == sorted(p.partition("/")[2] for p in packages())


@pytest.mark.parametrize("package", packages())
def test_every_package_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()
    assert (ROOT / package / "__init__.py").exists()


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda p: p.name)
def test_requirements_are_pinned_by_hash_and_name_no_index(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    pinned = re.findall(r"^[a-z][\w.-]*==", text, re.MULTILINE)
    assert pinned
    assert len(re.findall(r"^\S", text, re.MULTILINE)) == len(pinned), (
        "a line that is neither a pin nor its hashes"
    )
    assert len(re.findall(r"\\\n    --hash=sha256:", text)) >= len(pinned)
    assert not re.search(r"://|index|find-links", text)


def test_no_lock_file_names_an_index() -> None:
    assert not (ROOT / "uv.lock").exists()
