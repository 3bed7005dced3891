"""Printing: tables and lines that stay readable in a pipe, on a narrow terminal and without colour.

Rule: colour never says what words do not; it is left out where the output is no terminal or NO_COLOR is set
(rich sees to both). A pipe gets whole lines whatever their length, so that grep finds what a person would
see. Times are relative for people; exact ones are in the JSON. Dropped: boxes, which break when copied.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PIPE_WIDTH: Final = 250
"""Wide enough for any row we print, small enough not to pad a file with blanks."""

COLOURS: Final = {
    "eligible": "green",
    "enabled": "green",
    "live": "green",
    "ok": "green",
    "degraded": "yellow",
    "soft_excluded": "yellow",
    "drained": "yellow",
    "warn": "yellow",
    "hard_excluded": "red",
    "disabled": "red",
    "lost": "red",
    "fail": "red",
}


def console() -> Console:
    """Standard output as it is: terminal, pipe or file."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=width is not None)


def print_json(answer: Any) -> None:
    """An answer as the control plane gave it."""
    print(json.dumps(answer, indent=2, ensure_ascii=False))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Columns without lines between them; `empty` is said when there is no row."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(painted(cell) for cell in row))
        count += 1
    out = console()
    if count:
        out.print(table)
    else:
        out.print(escape(empty))


def painted(text: str) -> str:
    """A word of state in its colour, any other text as it is."""
    colour = COLOURS.get(text)
    return f"[{colour}]{escape(text)}[/]" if colour else escape(text)


def left(remaining_s: float | None) -> str:
    """`12 s more`, `3 min more`; nothing when no end is known."""
    return f"{span(remaining_s)} more" if remaining_s else ""


def span(seconds: float | None) -> str:
    """A length of time in the unit people would use."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def clock(wall_ms: int) -> str:
    """A moment of today as this machine's clock shows it, with milliseconds."""
    return datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]


def ago(wall_ms: int, now_ms: int) -> str:
    """`12 s ago`."""
    return f"{span(max(0, now_ms - wall_ms) / 1000)} ago"
