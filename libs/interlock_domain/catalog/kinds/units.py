"""Durations and sizes as people write them: `250ms`, `15s`, `10m`, `2h`, `14d`; `64KiB`, `32MiB`, `10GiB`.

Rule: one number, one unit, and a whole number of milliseconds or bytes behind it; a bare number is
refused for durations, because nobody agrees whether it means seconds or milliseconds.
"""

import re
from typing import Final

_DURATION: Final = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?(ms|s|m|h|d)", re.ASCII)
_SIZE: Final = re.compile(r"([0-9]{1,16})(B|KiB|MiB|GiB|TiB)", re.ASCII)
_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_BYTES: Final = {"TiB": 1024**4, "GiB": 1024**3, "MiB": 1024**2, "KiB": 1024, "B": 1}


def parse_duration(text: str) -> int | None:
    """Milliseconds, or None when the text is no duration or no whole number of them."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    whole, part, unit = found.groups()
    thousandths = int(whole) * 1_000 + int((part or "").ljust(3, "0"))
    ms, rest = divmod(thousandths * _MS[unit], 1_000)
    return None if rest else ms


def write_duration(ms: int) -> str:
    """The duration in the largest unit that holds it exactly."""
    return next(f"{ms // size}{unit}" for unit, size in _MS.items() if ms % size == 0 and (ms or unit == "s"))


def parse_size(text: str) -> int | None:
    """Bytes, or None when the text is no size."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * _BYTES[found[2]] if found else None


def write_size(size: int) -> str:
    """The size in the largest unit that holds it exactly."""
    return next(
        f"{size // unit}{name}" for name, unit in _BYTES.items() if size % unit == 0 and (size or name == "B")
    )
