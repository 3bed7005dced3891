"""Upcasters: how a body written by an older version reads today.

Rule: a step is a pure function from the old data (plain JSON values) to the next version's type
and data. Steps run one after another until the current version is reached, so each is written once
and never again; the log itself is never rewritten. Tolerant decoding (new fields with defaults)
needs no step: a step is for a field or type whose meaning moved.
"""

from collections.abc import Callable, Mapping
from typing import Final, get_args

from interlock_domain.events import Event

Data = dict[str, object]
Step = Callable[[Data], tuple[str, Data]]
"""Old data -> (type, data) of the next version; the type changes only when an event was renamed."""

STEPS: Final[Mapping[tuple[str, int], Step]] = {}
"""(type, v) -> how it becomes v + 1."""

EVENT_TYPES: Final[Mapping[str, type[Event]]] = {cls.__name__: cls for cls in get_args(Event)}
"""Every event by its tag (a test holds the two equal)."""

VERSIONS: Final[Mapping[str, int]] = dict.fromkeys(EVENT_TYPES, 1)
"""The version that is written today, by type."""


def upcast(
    name: str, v: int, data: Data, steps: Mapping[tuple[str, int], Step] = STEPS
) -> tuple[str, int, Data]:
    """Follow the steps from (name, v) as far as they lead; each raises v by one, so this ends."""
    while (step := steps.get((name, v))) is not None:
        name, data = step(data)
        v += 1
    return name, v, data
