"""The domain is pure: no coroutine, no I/O, no clock, no randomness, no environment."""

import ast

import pytest

from tests.architecture.tree import Module, dotted, imports, module, of_package

ALLOWED = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "interlock_domain",
    "ipaddress",
    "itertools",
    "math",
    "msgspec",
    "operator",
    "re",
    "string",
    "struct",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
}
FORBIDDEN_CALLS = {"breakpoint", "compile", "eval", "exec", "globals", "input", "open", "print", "__import__"}


def impurities(m: Module) -> list[str]:
    """Every place of this module that could make two runs differ."""
    return [*_foreign_imports(m), *_effects(m)]


def _foreign_imports(m: Module) -> list[str]:
    return [
        f"{m.path}:{line}: imports {name}"
        for line, name in imports(m.syntax)
        if name.partition(".")[0] not in ALLOWED and not name.startswith("urllib.parse")
    ]


def _effects(m: Module) -> list[str]:
    found = []
    for node in ast.walk(m.syntax):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            found.append(f"{m.path}:{node.lineno}: is asynchronous")
        elif isinstance(node, ast.Call) and dotted(node.func) in FORBIDDEN_CALLS:
            found.append(f"{m.path}:{node.lineno}: calls {dotted(node.func)}()")
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found.append(f"{m.path}:{node.lineno}: rebinds outer names")
    return found


def test_domain_is_pure() -> None:
    found = [line for m in of_package("interlock_domain") for line in impurities(m)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from datetime import datetime",
        "def now() -> float:\n    import random\n    return random.random()",
        "import os.path",
        "import sqlalchemy",
        "async def fold() -> None: ...",
        "def load(p: str) -> str:\n    return open(p).read()",
        "seen = 0\ndef count() -> None:\n    global seen\n    seen += 1",
    ],
)
def test_an_impure_module_is_found(text: str) -> None:
    assert impurities(module(text))


def test_a_pure_module_passes() -> None:
    text = "import math\nfrom msgspec import Struct\n\ndef f(now_ms: int) -> int:\n    return now_ms"
    assert impurities(module(text)) == []
