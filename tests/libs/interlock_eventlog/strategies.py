"""Any event there can be, made from the structs themselves: a new event needs no line here."""

import enum
import types
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from interlock_domain.events import Event
from interlock_domain.recorded import BatchPart, NewEvent, Source

INTEGERS = st.integers(-(2**53), 2**53)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=12)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Every value of a type that events are made of."""
    plain = {int: INTEGERS, float: FLOATS, str: TEXTS, bool: st.booleans(), types.NoneType: st.none()}
    origin = get_origin(kind)
    if kind in plain:
        return plain[kind]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return structs(kind)
    return _generic(origin, get_args(kind))


def _generic(origin: Any, inner: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in {Union, types.UnionType}:
        return st.one_of(*map(values, inner))
    if origin is dict:
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=3)
    assert origin is tuple, f"no values known for {origin}{inner}"
    assert inner[1:] == (...,)
    return st.lists(values(inner[0]), max_size=3).map(tuple)


def structs(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Every value of a struct; optional fields are sometimes left out."""
    fields = msgspec.structs.fields(cls)
    needed = {field.name: values(field.type) for field in fields if field.required}
    optional = {field.name: values(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(needed, optional=optional).map(lambda given: cls(**given))


def events() -> st.SearchStrategy[Event]:
    """Every event, each type as likely as another."""
    return st.one_of(*map(structs, get_args(Event)))


def new_events() -> st.SearchStrategy[NewEvent]:
    """Every event with any metadata."""
    texts = st.none() | TEXTS
    return st.builds(
        NewEvent,
        id=TEXTS,
        event=events(),
        actor=texts,
        reason=texts,
        correlation=texts,
        causation=texts,
        source=st.none() | structs(Source),
        age_ms=INTEGERS,
        traceparent=texts,
    )


def batches() -> st.SearchStrategy[BatchPart]:
    """Any place in a batch."""
    part: st.SearchStrategy[BatchPart] = structs(BatchPart)
    return part
