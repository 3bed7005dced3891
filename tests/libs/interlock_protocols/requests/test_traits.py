"""One table of needs for all APIs."""

import pytest

from interlock_domain.catalog.target import CAPABILITIES
from interlock_domain.words import Api, Shape
from interlock_protocols.requests.traits import (
    AUDIO,
    JSON_SCHEMA,
    PARTS,
    STREAM,
    TOOLS,
    VISION,
    bits_of_parts,
    traits_of,
)


@pytest.mark.parametrize("api", list(Api))
def test_every_set_of_needs_has_its_traits(api):
    table = traits_of(api)
    assert all(traits.api is api for traits in table)
    assert len(set(table)) == len(table) == 32
    everything = table[TOOLS | VISION | AUDIO | JSON_SCHEMA | STREAM]
    assert everything.needs == tuple(sorted(CAPABILITIES))
    assert everything.shape is Shape.TOOLS_VISION
    assert everything.stream
    assert table[0].needs == ()


def test_needs_are_what_a_target_may_declare():
    names = {need for traits in traits_of(Api.CHAT) for need in traits.needs}
    assert names == set(CAPABILITIES)


@pytest.mark.parametrize("parts", [None, "image", 5, {"type": "image"}, [None, 5, "image", {"type": 7}, {}]])
def test_what_is_no_list_of_parts_needs_nothing(parts):
    assert bits_of_parts(parts) == 0


@pytest.mark.parametrize("kind", PARTS)
def test_a_part_needs_what_the_table_says(kind):
    assert bits_of_parts([{"type": "text"}, {"type": kind}]) == PARTS[kind] in (VISION, AUDIO)
