"""Whatever stands where a schema should: the repair ends, once is enough, and nothing allowed is lost."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from interlock_protocols.splice.exact import parse, write
from interlock_protocols.tools.keywords import KEYWORDS
from interlock_protocols.tools.rules import Repair
from interlock_protocols.tools.tool_schemas import repaired_schema

NAMES = st.sampled_from(["a", "b", "type", "properties", "required", "items"])
WORDS = st.sampled_from(["string", "object", "array", "STRING", "int", "any", "null", "x", "#", "#/$defs/a"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 10**30) | st.floats(-2, 2) | WORDS | NAMES
# Of the others the metaschema asks more than the repair looks at: a pattern, or values not looked into.
LOOKED_AT = sorted(
    KEYWORDS.keys()
    - {"$id", "$anchor", "$schema", "$dynamicAnchor", "dependencies", "dependentRequired", "$vocabulary"}
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES, inner, max_size=3)
        | st.dictionaries(st.sampled_from(LOOKED_AT), inner, max_size=5)
    ),
    max_leaves=25,
)


def exactly(value: Any) -> Any:
    """The value as the repair reads it."""
    return parse(json.dumps(value).encode())


@given(ANYTHING)
@settings(max_examples=400)
def test_anything_is_mended_once_and_for_all(value):
    given_ = exactly(value)
    before = write(given_)
    once, repairs = repaired_schema(given_)
    assert write(given_) == before
    assert (once is given_) == (not repairs)
    twice, more = repaired_schema(once)
    assert twice is once, (more, write(once), write(twice))


@given(st.dictionaries(st.sampled_from(LOOKED_AT), ANYTHING, max_size=6))
@settings(max_examples=400)
def test_any_object_becomes_a_schema_by_the_metaschema(value):
    once, _ = repaired_schema(exactly(value))
    Draft202012Validator.check_schema(json.loads(write(once)))


TEXTS = st.sampled_from(["a", "b", "", "aa"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def typed(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields).map(dict)


def described(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Valid schemas that somebody refuses: no items, booleans, tuples, null where the type has none."""
    names = st.lists(st.sampled_from("abcd"), max_size=3)
    objects = typed(
        properties=st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        required=names,
        additionalProperties=st.booleans() | inner,
        minProperties=st.integers(0, 2),
    )
    arrays = typed(
        prefixItems=st.lists(inner, min_size=1, max_size=2), items=inner, maxItems=st.integers(0, 3)
    )
    strings = typed(enum=st.lists(TEXTS | st.none(), max_size=3), maxLength=st.integers(0, 2))
    return st.one_of(
        st.booleans(),
        objects.map(lambda s: s | {"type": "object"}),
        arrays.map(lambda s: s | {"type": "array"}),
        strings.map(lambda s: s | {"type": "string"}),
        st.just({"type": ["string", "array", "null"]}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some}),
        st.lists(inner, min_size=1, max_size=2).map(lambda some: {"allOf": some}),
    )


SCHEMAS = st.recursive(
    st.sampled_from([{"type": "integer"}, {"type": "null"}, True]), described, max_leaves=6
)
ROOTS = typed(
    properties=st.dictionaries(st.sampled_from("abc"), SCHEMAS, max_size=3),
    required=st.lists(st.sampled_from("abcd"), max_size=3),
    anyOf=st.lists(st.sampled_from("ab").map(lambda name: {"required": [name]}), min_size=1, max_size=2),
    additionalProperties=st.booleans(),
)
ARGUMENTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(ROOTS, st.sampled_from([None, "object", ["object", "null"]]), st.lists(ARGUMENTS, max_size=6))
@settings(max_examples=400)
def test_whatever_arguments_were_allowed_still_are(schema, kind, calls):
    schema = schema if kind is None else schema | {"type": kind}
    mended, repairs = repaired_schema(exactly(schema))
    before, after = Draft202012Validator(schema), Draft202012Validator(json.loads(write(mended)))
    assert Repair.MISSING_TYPE not in repairs
    for arguments in calls:
        assert after.is_valid(arguments) or not before.is_valid(arguments)
