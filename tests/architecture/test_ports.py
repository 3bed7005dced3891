"""Ports are small Protocols, and every adapter of one is held to its contract."""

import ast

from tests.architecture.tree import ROOT, Module, dotted, module, packages, source

PORT_CAP = 6


def ports(m: Module) -> dict[str, set[str]]:
    """The Protocols of a module with the methods that they ask for."""
    return {
        node.name: _methods(node)
        for node in m.syntax.body
        if isinstance(node, ast.ClassDef) and any(_is_protocol(b) for b in node.bases)
    }


def implemented(m: Module, wanted: dict[str, set[str]]) -> list[str]:
    """The ports of which this adapter module has an implementation."""
    classes = [node for node in m.syntax.body if isinstance(node, ast.ClassDef)]
    return [port for port, asked in wanted.items() if asked and any(asked <= _methods(c) for c in classes)]


def contract_classes(m: Module) -> list[str]:
    """Test classes of a module that subclass a contract suite."""
    return [
        node.name
        for node in m.syntax.body
        if isinstance(node, ast.ClassDef)
        and node.name.startswith("Test")
        and any(_is_contract(b) for b in node.bases)
    ]


def _methods(node: ast.ClassDef) -> set[str]:
    found = (n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {name for name in found if not name.startswith("_")}


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_protocol(node: ast.expr) -> bool:
    spelled = dotted(node.value if isinstance(node, ast.Subscript) else node)
    return spelled in {"Protocol", "typing.Protocol"}


def _is_contract(node: ast.expr) -> bool:
    return _last_name(node).endswith("Contract")


def _adapters() -> list[tuple[Module, list[str]]]:
    found = []
    for package in (p.partition("/")[2] for p in packages()):
        own = [m for m in source() if m.package == package]
        wanted = {name: asked for m in own if ".adapters" not in m.name for name, asked in ports(m).items()}
        found += [(m, implemented(m, wanted)) for m in own if ".adapters." in m.name]
    return [(m, names) for m, names in found if names]


def test_ports_are_small() -> None:
    found = [
        f"{m.path}: {name} asks for {len(asked)} methods, at most {PORT_CAP}"
        for m in source()
        for name, asked in ports(m).items()
        if len(asked) > PORT_CAP
    ]
    assert not found, "\n".join(found)


def test_every_adapter_is_held_to_the_contract_of_its_port() -> None:
    missing = []
    for adapter, names in _adapters():
        expected = f"tests/libs/{adapter.package}/adapters/test_{adapter.stem}.py"
        path = ROOT / expected
        tested = path.exists() and contract_classes(module(path.read_text(encoding="utf-8"), adapter.name))
        if not tested:
            missing.append(f"{adapter.path} implements {', '.join(names)}; {expected} subclasses no contract")
    assert not missing, "\n".join(missing)


def test_every_port_package_has_a_memory_adapter() -> None:
    with_adapters = {m.package for m, _ in _adapters()}
    with_memory = {m.package for m, _ in _adapters() if m.stem == "memory"}
    assert with_adapters == with_memory


def test_a_port_and_its_implementation_are_recognised() -> None:
    port = module(
        "class Log(Protocol):\n    async def append(self) -> int: ...\n    def _note(self) -> None: ..."
    )
    assert ports(port) == {"Log": {"append"}}
    assert ports(module("class Connection(asyncio.Protocol):\n    def eof_received(self) -> None: ...")) == {}
    adapter = module(
        "class MemoryLog:\n    async def append(self) -> int: return 1\n    def more(self) -> None: ..."
    )
    assert implemented(adapter, ports(port)) == ["Log"]
    assert implemented(module("class Schema:\n    def create(self) -> None: ..."), ports(port)) == []


def test_a_test_module_without_a_contract_is_recognised() -> None:
    assert contract_classes(module("class TestMemory(EventLogContract):\n    ...")) == ["TestMemory"]
    assert contract_classes(module("class TestMemory:\n    ...")) == []
