"""The entry: overview, versions, mistakes, and nothing imported that the verb does not need."""

import subprocess
import sys

import pytest

from interlock_cli.main import VERBS
from tests.services.interlock_cli.spoken import interlock

HEAVY = ("typer", "fastapi", "sqlalchemy", "rich", "uvicorn", "httpx2", "interlock_control")
LOADED = f"""
import sys
from interlock_cli.main import run
try:
    run(sys.argv[1:])
except SystemExit:
    pass
print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""


def test_the_overview_names_every_verb_and_imports_none() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "--help"], capture_output=True, text=True, timeout=50, check=True
    )
    assert all(f"  {verb} " in done.stdout for verb in VERBS)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_a_line_to_a_running_control_plane_imports_no_server() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "get", "targets", "--url", "http://127.0.0.1:1"],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "loaded: ['typer', 'rich', 'httpx2']"


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_with_an_example(verb: str) -> None:
    said = interlock(verb, "--help")
    assert said.code == 0
    assert "Example" in said.out
    assert f"\n    interlock {verb} " in said.out or f"\n    interlock {verb}\n" in said.out


def test_the_version_is_that_of_the_package() -> None:
    assert interlock("--version").out.startswith("interlock 0.")


def test_given_a_mistyped_verb_then_the_nearest_is_named() -> None:
    said = interlock("explian", "7f3a9c")
    assert (said.code, said.out) == (2, "")
    assert "Did you mean `interlock explain`?" in said.err
    assert "See: interlock --help" in interlock("xyzzy").err


@pytest.mark.parametrize("words", [("get", "bananas"), ("get",), ("cool",), ("get", "targets", "-o", "xml")])
def test_given_a_wrong_option_then_the_exit_code_is_2(words: tuple[str, ...]) -> None:
    said = interlock(*words)
    assert said.code == 2
    assert f"interlock {words[0]}" in said.err
