"""A command line run inside the test's process: what it said, and its exit code."""

import contextlib
import io
import json
from typing import Any

from msgspec import Struct

from interlock_cli.main import run


class Spoken(Struct, frozen=True):
    """One finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


def interlock(*words: str) -> Spoken:
    """Run `interlock WORDS`."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Spoken(code, out.getvalue(), err.getvalue())
