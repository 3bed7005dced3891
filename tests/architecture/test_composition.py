"""One composition root per service: who builds adapters, who reads the environment, who starts."""

import ast

import pytest

from tests.architecture.tree import Module, dotted, imports, module, of_package, services, source

MAIN_CAP = 30
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}
FROM_IMPORTS = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}


def adapter_imports(m: Module) -> list[str]:
    """Imports of an adapter by a module that is no composition root."""
    if m.stem == "bootstrap" or m.package == "interlock_testing":
        return []
    return [
        f"{m.path}:{line}: imports {name}; let a bootstrap.py build it and hand it in"
        for line, name in imports(m.syntax)
        if name.startswith("interlock_") and ".adapters" in f".{name}." and not _inside_adapters(m, name)
    ]


def _inside_adapters(m: Module, name: str) -> bool:
    return m.name.startswith(f"{name.partition('.')[0]}.adapters")


def environment_reads(m: Module) -> list[str]:
    """Places that read the process environment outside a settings.py."""
    if m.stem == "settings":
        return []
    spelled = [(n.lineno, dotted(n)) for n in ast.walk(m.syntax) if isinstance(n, ast.Attribute)]
    imported = [(line, name) for line, name in imports(m.syntax) if name in FROM_IMPORTS]
    return [
        f"{m.path}:{line}: reads {name}; settings.py alone does, and hands a value on"
        for line, name in spelled + imported
        if name in ENVIRONMENT
    ]


@pytest.mark.parametrize("service", services())
def test_each_service_has_one_composition_root(service: str) -> None:
    roots = [m.path for m in of_package(service) if m.stem == "bootstrap"]
    assert roots == [f"services/{service}/bootstrap.py"]


def test_only_composition_roots_import_adapters() -> None:
    found = [line for m in source() for line in adapter_imports(m)]
    assert not found, "\n".join(found)


def test_only_settings_read_the_environment() -> None:
    found = [line for m in source() for line in environment_reads(m)]
    assert not found, "\n".join(found)


def test_entry_points_are_short() -> None:
    found = [f"{m.path}: {m.lines} lines" for m in source() if m.stem == "__main__" and m.lines >= MAIN_CAP]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "from interlock_eventlog.adapters.sqlite import SqliteEventLog",
        "from interlock_eventlog.adapters import sqlite",
        "from interlock_eventlog import adapters",
        "def f() -> None:\n    import interlock_feed.adapters.memory",
    ],
)
def test_an_adapter_import_outside_a_root_is_found(text: str) -> None:
    assert adapter_imports(module(text, "interlock_gateway.exchange"))
    assert not adapter_imports(module(text, "interlock_gateway.bootstrap"))


def test_adapters_of_one_port_may_share_code() -> None:
    text = "from interlock_eventlog.adapters.schema import EVENTS"
    assert not adapter_imports(module(text, "interlock_eventlog.adapters.sqlite"))
    assert adapter_imports(module(text, "interlock_feed.adapters.sqlite"))


@pytest.mark.parametrize(
    "text",
    [
        "import os\nx = os.environ['A']",
        "import os\nx = os.environ.get('A')",
        "import os\nx = os.getenv('A')",
        "from os import environ",
        "from os import getenv as read",
    ],
)
def test_an_environment_read_outside_settings_is_found(text: str) -> None:
    assert environment_reads(module(text, "interlock_gateway.app"))
    assert not environment_reads(module(text, "interlock_gateway.settings"))
