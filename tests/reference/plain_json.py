"""JSON as RFC 8259 has it and clients read it: UTF-8, half a surrogate pair and any number included.

`NaN` and `Infinity` are no JSON, although Python's reader takes them. A document nested deeper than `DEEPEST`
is taken for unreadable: the readers of clients give up near there, each at another depth.
"""

import json
from typing import Any, Final

DEEPEST: Final = 900


class Unreadable(ValueError):
    """No JSON that a client could read."""


def plain_json(data: bytes) -> Any:
    """The value of a document. Raises Unreadable."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse, parse_int=_whole)
    except (ValueError, RecursionError) as why:
        raise Unreadable(str(why)) from None


def _refuse(name: str) -> Any:
    raise Unreadable(name)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float(digits)
