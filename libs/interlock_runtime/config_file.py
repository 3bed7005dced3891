"""interlock.yaml as a file: read, judged, and every mistake told with line and column.

Rule: a problem reads `interlock.yaml:14:7: unknown key ... Did you mean ...?`, so that editors and people
jump to it; all problems of a file are told at once, in file order. A file that cannot be opened is a
problem as well, not an exception.
"""

from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from interlock_domain.catalog.config import Config, config_digest, parse_config
from interlock_domain.catalog.issue import Issue
from interlock_runtime.positions import Document, Flaw, read_yaml

MAX_BYTES: Final = 8 * 1024 * 1024
"""The catalog must fit into a feed record of 900 KiB; a larger file is something else."""


class Problem(Struct, frozen=True, kw_only=True):
    """One mistake in a file; line and column count from 1, 0 = the file as a whole."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    section: str = ""
    """Section that `interlock validate --explain` describes."""

    def __str__(self) -> str:
        spot = f":{self.line}:{self.column}" if self.line else ""
        end = "" if self.message.endswith("?") else "."
        hint = f"{end} {self.hint}" if self.hint else ""
        explain = f"  (interlock validate --explain {self.section})" if self.section else ""
        return f"{self.file}{spot}: {self.message}{hint}{explain}"


class LoadedConfig(Struct, frozen=True, kw_only=True):
    """A good file: its configuration, its parsed content and the digest of that content."""

    config: Config
    raw: dict[str, Any]
    digest: str


def load_config(path: Path | str) -> LoadedConfig | tuple[Problem, ...]:
    """Read and judge a file."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        return (
            _whole_file(
                path.name, f"cannot be read: {(error.strerror or 'unknown error').lower()}", str(path)
            ),
        )
    if len(data) > MAX_BYTES:
        return (_whole_file(path.name, f"is larger than {MAX_BYTES} bytes", str(path)),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        message, hint = "this is no UTF-8 text", "Save the file as UTF-8."
        return (Problem(file=path.name, line=line, column=column, message=message, hint=hint),)
    return load_text(text, path.name)


def load_text(text: str, file: str = "interlock.yaml") -> LoadedConfig | tuple[Problem, ...]:
    """Judge the content of a file that has been read already."""
    document = read_yaml(text)
    if isinstance(document, tuple):
        return _sorted(_of_flaw(flaw, file) for flaw in document)
    raw = {} if document.raw is None else document.raw
    config = parse_config(raw)
    if isinstance(config, tuple):
        return _sorted(_of_issue(issue, document, file) for issue in config)
    return LoadedConfig(config=config, raw=raw, digest=config_digest(raw))


def _whole_file(file: str, message: str, path: str) -> Problem:
    return Problem(
        file=file, line=0, column=0, message=message, hint=f"Looked at {path}; name another by --config."
    )


def _of_flaw(flaw: Flaw, file: str) -> Problem:
    return Problem(
        file=file, line=flaw.spot.line, column=flaw.spot.column, message=flaw.message, hint=flaw.hint
    )


def _of_issue(issue: Issue, document: Document, file: str) -> Problem:
    spot = document.spot(issue.path, on_key=issue.on_key)
    known = len(issue.path) > 1 or (issue.path and not issue.on_key)
    return Problem(
        file=file,
        line=spot.line,
        column=spot.column,
        message=issue.message,
        hint=issue.hint,
        section=str(issue.path[0]) if known else "",
    )


def _sorted(problems: Any) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
