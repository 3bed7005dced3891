"""Names that say what a thing is: no drawers, a docstring on each module, one word per concept."""

import ast
import re
from functools import cache

import pytest

from tests.architecture.tree import ROOT, Module, module, source

DRAWERS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc", "stuff"}
ROW = re.compile(r"^\| \*\*(?P<word>[^*]+)\*\* \|(?P<meaning>[^|]+)\|(?P<banned>[^|]*)\|$", re.MULTILINE)
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@cache
def banned_synonyms() -> dict[str, str]:
    """Synonym -> the word to use, as the table in docs/glossary.md says."""
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    return {
        synonym.strip().replace("`", ""): row["word"]
        for row in ROW.finditer(glossary)
        for synonym in row["banned"].split(",")
        if synonym.strip()
    }


def drawers(m: Module) -> list[str]:
    """Parts of the module's name that promise nothing."""
    return [f"{m.path}: `{part}` says nothing" for part in m.name.split(".") if part in DRAWERS]


def synonyms(m: Module) -> list[str]:
    """Identifiers that this module introduces and that use a banned word."""
    found = []
    for line, identifier in _introduced(m.syntax):
        phrase = f"_{'_'.join(word.lower() for word in WORDS.findall(identifier))}_"
        for banned, word in banned_synonyms().items():
            if f"_{banned}_" in phrase or f"_{banned}s_" in phrase:
                found.append(f"{m.path}:{line}: `{identifier}` says `{banned}`; the word is `{word}`")
    return found


def _introduced(syntax: ast.AST) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(syntax):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            found.append((node.lineno, node.arg))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.append((node.lineno, node.attr))
    return found


def test_no_module_is_a_drawer() -> None:
    found = [line for m in source() for line in drawers(m)]
    assert not found, "\n".join(found)


def test_every_module_says_what_it_is() -> None:
    found = [m.path for m in source() if not ast.get_docstring(m.syntax)]
    assert not found, f"no docstring: {found}"


def test_code_speaks_the_words_of_the_glossary() -> None:
    found = [line for m in source() for line in (*synonyms(m), *_module_name_synonyms(m))]
    assert not found, "\n".join(found)


def _module_name_synonyms(m: Module) -> list[str]:
    return [f"{m.path}: is named `{m.stem}`" for banned in banned_synonyms() if banned in m.name.split(".")]


def test_the_glossary_has_a_table_that_this_test_reads() -> None:
    assert banned_synonyms()["deployment"] == "target"
    assert len(banned_synonyms()) >= 30


def test_no_glossary_word_is_banned_by_another_row() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    words = {row["word"] for row in ROW.finditer(glossary)}
    assert words.isdisjoint(banned_synonyms())


@pytest.mark.parametrize(
    "text",
    [
        "deployment = 1",
        "class DeploymentView: ...",
        "def f(deployments: int) -> None: ...",
        "def pick_deployment() -> None: ...",
        "class A:\n    endpoint_group: int = 1",
        "self.endpointGroup = 1",
    ],
)
def test_a_banned_synonym_is_found(text: str) -> None:
    assert synonyms(module(text))


def test_words_of_third_parties_may_be_read() -> None:
    assert synonyms(module("x = client.deployment")) == []


@pytest.mark.parametrize("name", ["interlock_gateway.utils", "interlock_control.common.auth"])
def test_a_drawer_is_found(name: str) -> None:
    assert drawers(module("", name))
