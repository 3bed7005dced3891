"""Printing that survives pipes, narrow terminals and strange names."""

import contextlib
import io
import os
import pty
import re
import subprocess
import sys

from interlock_cli.screen import ago, left, print_table, span
from tests.services.interlock_quickstart.process import plain_environment

PRINTS = (
    "from interlock_cli.screen import print_table as p; p(('A', 'IS'), [('x' * 30, 'eligible')], empty='-')"
)


def printed(*rows: tuple[str, ...]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print_table(("NAME", "STATE"), rows, empty="nothing")
    return out.getvalue()


def on_terminal(columns: int, **more: str) -> str:
    """What the table looks like on a terminal of that width."""
    ours, theirs = pty.openpty()
    environment = plain_environment(TERM="xterm", COLUMNS=str(columns), **more)
    with subprocess.Popen([sys.executable, "-c", PRINTS], stdout=theirs, env=environment) as process:
        process.wait(timeout=50)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # the end of a terminal that nobody writes to any more
        while piece := os.read(ours, 65_536):
            text += piece
    os.close(ours)
    return text.decode()


def test_in_a_pipe_rows_are_whole_and_without_colour() -> None:
    text = printed(("x" * 150, "eligible"))
    assert "x" * 150 + "  eligible" in text
    assert "\x1b" not in text


def test_names_that_look_like_markup_are_printed_as_they_are() -> None:
    assert "[red]a[/red]" in printed(("[red]a[/red]", "eligible"))


def test_no_rows_are_a_sentence() -> None:
    assert printed() == "nothing\n"


def test_a_terminal_gets_colour_unless_no_color_is_set() -> None:
    assert "\x1b[32meligible" in on_terminal(80)
    assert "\x1b[32m" not in on_terminal(80, NO_COLOR="1")


def test_a_narrow_terminal_folds_and_loses_nothing() -> None:
    lines = re.sub(r"\x1b\[[\d;]*m", "", on_terminal(24, NO_COLOR="1")).splitlines()
    assert max(map(len, lines)) <= 24
    assert sum(line.count("x") for line in lines) == 30


def test_times_are_in_the_unit_people_would_use() -> None:
    given = (0.05, 3, 15, 600, 10_000, 200_000)
    assert [span(one) for one in given] == ["50 ms", "3.0 s", "15 s", "10 min", "3 h", "2 d"]
    assert (left(None), left(21), ago(0, 4_000)) == ("", "21 s more", "4.0 s ago")
