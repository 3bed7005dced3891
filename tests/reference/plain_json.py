"""JSON as RFC 8259 has it and clients read it: UTF-8, half a surrogate pair and any number included.

`NaN` and `Infinity` are no JSON, although Python's reader takes them. A document nested so deep that Python's
reader gives up is taken for unreadable; the grammars stay away from that depth, where each reader differs.
"""

import json
from typing import Any


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
