"""Events are forever: frozen, keyword-only, tagged by their own name, open to fields of later versions."""

import inspect
from typing import Any, get_args

import msgspec
import pytest

from interlock_domain import events

EVENTS: tuple[Any, ...] = get_args(events.Event)
# `version` is not here: a snapshot has one too, and SnapshotRejected names it.
ENVELOPE = {"position", "recorded_ms", "recorded_at", "stream", "correlation", "causation", "source", "actor"}


def flaws(event: Any) -> list[str]:
    """What keeps this struct from being an event that can be read in ten years."""
    config = event.__struct_config__
    kinds = {p.kind for p in inspect.signature(event).parameters.values()}
    checks = {
        "is not frozen": config.frozen,
        "takes positional arguments": kinds <= {inspect.Parameter.KEYWORD_ONLY},
        "is not tagged by its own name in `type`": (config.tag_field, config.tag) == ("type", event.__name__),
        "refuses fields of later versions": not config.forbid_unknown_fields,
        "holds words of the envelope": ENVELOPE.isdisjoint(event.__struct_fields__),
    }
    return [f"{event.__name__} {flaw}" for flaw, fine in checks.items() if not fine]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_event_can_be_kept_forever(event: Any) -> None:
    assert flaws(event) == []


def test_the_union_is_closed_over_every_event_of_the_module() -> None:
    declared = {
        value
        for name, value in vars(events).items()
        if inspect.isclass(value) and issubclass(value, msgspec.Struct) and not name.startswith("_")
        if value.__struct_config__.tag is not None
    }
    assert declared == set(EVENTS)


def test_what_events_carry_is_frozen_too() -> None:
    mutable = {t.cls.__name__ for t in _structs() if not t.cls.__struct_config__.frozen}
    assert mutable == set()


def _structs() -> list[msgspec.inspect.StructType]:
    seen: dict[type, msgspec.inspect.StructType] = {}
    waiting: list[Any] = list(msgspec.inspect.multi_type_info(EVENTS))
    while waiting:
        found = waiting.pop()
        if isinstance(found, msgspec.inspect.StructType):
            if found.cls in seen:
                continue
            seen[found.cls] = found
            waiting += [f.type for f in found.fields]
        for part in ("types", "item_types"):
            waiting += getattr(found, part, ())
        for part in ("item_type", "key_type", "value_type"):
            waiting += [getattr(found, part)] if hasattr(found, part) else []
    return list(seen.values())


class Loose(msgspec.Struct):
    """Everything an event must not be."""

    position: int


def test_a_loose_struct_is_found() -> None:
    assert len(flaws(Loose)) == 4
