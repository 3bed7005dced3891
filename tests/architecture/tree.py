"""The source tree as the architecture tests read it: parsed once, never imported."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARENTS = ("libs", "services")


@dataclass(frozen=True, kw_only=True)
class Module:
    """One Python file: where it stands, its dotted name and its text."""

    path: str
    name: str
    text: str

    @property
    def stem(self) -> str:
        """The last part of the file's name: `sqlite` of `adapters/sqlite.py`."""
        return Path(self.path).stem

    @property
    def package(self) -> str:
        """The top-level package."""
        return self.name.partition(".")[0]

    @property
    def lines(self) -> int:
        """Physical lines, comments and blank ones included: what a reader scrolls through."""
        return len(self.text.splitlines())

    @property
    def syntax(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, self.path)


def module(text: str, name: str = "interlock_domain.example") -> Module:
    """A module that exists only in a test: the proof that a rule can fail."""
    return Module(path=f"libs/{name.replace('.', '/')}.py", name=name, text=text)


@cache
def modules(*parents: str) -> tuple[Module, ...]:
    """Every module below these folders, in path order."""
    return tuple(_read(parent, path) for parent in parents for path in sorted((ROOT / parent).rglob("*.py")))


def source() -> tuple[Module, ...]:
    """Everything that is shipped."""
    return modules(*PARENTS)


def of_package(package: str) -> tuple[Module, ...]:
    """The modules of one package."""
    return tuple(m for m in source() if m.package == package)


def packages() -> tuple[str, ...]:
    """The folders that are import packages, as `libs/interlock_domain`."""
    return tuple(
        f"{p}/{f.name}" for p in PARENTS for f in sorted((ROOT / p).glob("interlock_*")) if f.is_dir()
    )


def services() -> tuple[str, ...]:
    """The packages that run something; the command line only asks them to."""
    return tuple(
        name
        for p in packages()
        if p.startswith("services/")
        if (name := p.partition("/")[2]) != "interlock_cli"
    )


def imports(syntax: ast.AST) -> list[tuple[int, str]]:
    """(line, dotted name) of every import, also of those inside functions."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(syntax):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, f"{node.module or ''}.{alias.name}") for alias in node.names]
    return found


def dotted(node: ast.AST) -> str:
    """`os.environ` of the expression that spells it, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def _read(parent: str, path: Path) -> Module:
    parts = path.relative_to(ROOT / parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(path=str(path.relative_to(ROOT)), name=name, text=path.read_text(encoding="utf-8"))
