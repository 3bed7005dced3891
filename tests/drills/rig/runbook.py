"""A runbook as a program: its tagged blocks, in order, and what each is said to print.

Rule: a block is run when its fence says so, ```sh run=<step>, and a fence ```text right behind it holds what
people will see: each of its lines must turn up, with `...` for whatever differs. Dropped: a language of
checks beside the text; whoever follows the page has nothing but what is printed either.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

RUNBOOKS: Final = Path(__file__).parents[3] / "docs" / "runbooks"
_FENCE: Final = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_TAG: Final = re.compile(r"^sh run=(?P<step>[a-z-]+)$")


class Block(Struct, kw_only=True):
    """Commands, and the lines that they print."""

    commands: str
    prints: tuple[str, ...] = ()

    def unseen(self, out: str) -> list[str]:
        """The lines that did not turn up."""
        said = " ".join(out.split())
        return [line for line in self.prints if not _turns_up(line, said)]


def steps(text: str) -> Mapping[str, list[Block]]:
    """The blocks of a page by step, in the order of the page."""
    found: dict[str, list[Block]] = {}
    last: Block | None = None
    for fence in _FENCE.finditer(text):
        info, body = fence["info"].strip(), fence["body"]
        tag = _TAG.match(info)
        if tag is not None:
            last = Block(commands=body)
            found.setdefault(tag["step"], []).append(last)
        elif info == "text" and last is not None:
            last.prints = tuple(line for line in body.splitlines() if line.strip())
            last = None
        else:
            last = None
    return found


def runbook(name: str) -> Mapping[str, list[Block]]:
    """The steps of docs/runbooks/<name>.md."""
    return steps((RUNBOOKS / f"{name}.md").read_text(encoding="utf-8"))


def _turns_up(line: str, said: str) -> bool:
    parts = [re.escape(" ".join(part.split())) for part in line.split("...")]
    return re.search(".*?".join(parts), said) is not None
