"""One module, one concept: budgets that keep a file on a few screens and a function on one."""

import ast
import statistics

import pytest

from tests.architecture.tree import Module, module, modules, source

MODULE_CAP = 400
MODULE_MEDIAN = 120
MODULE_P90 = 250
TEST_CAP = 500
FUNCTION_CAP = 50


def too_long(found: tuple[Module, ...], cap: int) -> list[str]:
    """Modules above the cap, the longest first."""
    over = sorted((m for m in found if m.lines > cap), key=lambda m: -m.lines)
    return [
        f"{m.path}: {m.lines} lines, cap {cap}: which concept of it deserves its own module?" for m in over
    ]


def long_functions(m: Module) -> list[str]:
    """Functions above the cap, from `def` to the last line."""
    return [
        f"{m.path}:{node.lineno}: {node.name} has {lines} lines, cap {FUNCTION_CAP}"
        for node in ast.walk(m.syntax)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_CAP
    ]


def sizes() -> list[int]:
    """Line counts of the shipped modules; package markers say nothing about size."""
    return [m.lines for m in source() if m.stem != "__init__"]


def test_no_shipped_module_is_above_the_cap() -> None:
    found = too_long(source(), MODULE_CAP)
    assert not found, "\n".join(found)


def test_no_test_module_is_above_the_cap() -> None:
    found = too_long(modules("tests"), TEST_CAP)
    assert not found, "\n".join(found)


def test_the_usual_module_is_short() -> None:
    counted = sizes()
    assert statistics.median(counted) <= MODULE_MEDIAN
    assert statistics.quantiles(counted, n=10, method="inclusive")[-1] <= MODULE_P90


def test_no_function_is_above_the_cap() -> None:
    found = [line for m in source() for line in long_functions(m)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("lines", "found"), [(MODULE_CAP, 0), (MODULE_CAP + 1, 1)])
def test_the_cap_is_the_last_line_allowed(lines: int, found: int) -> None:
    assert len(too_long((module("x = 1\n" * lines),), MODULE_CAP)) == found


@pytest.mark.parametrize(("body", "found"), [(FUNCTION_CAP - 1, 0), (FUNCTION_CAP, 1)])
def test_a_function_counts_from_its_def_line(body: int, found: int) -> None:
    assert len(long_functions(module("async def f() -> None:\n" + "    x = 1\n" * body))) == found
