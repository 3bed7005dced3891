"""What a request needs of a target, as bits: one table for every client API.

Rule: how an API writes a need is that API's business, what the need is called stands here; a part of a
conversation means the same wherever it stands and whoever's API it came by. Bits and parts in each API's own
module were dropped: three copies of one table, of which two were right at any time.
"""

from typing import Any, Final

from interlock_domain.routing.decision import Traits
from interlock_domain.words import Api, Shape

TOOLS: Final = 1
VISION: Final = 2
AUDIO: Final = 4
JSON_SCHEMA: Final = 8
STREAM: Final = 16

JSON_SCHEMA_FORMAT: Final = "json_schema"
"""The type of a response format that only some models keep to, in every API."""

PARTS: Final = {
    "image_url": VISION,  # chat
    "input_image": VISION,  # Responses: in messages, and in the output of function and custom tool calls
    "computer_screenshot": VISION,  # Responses: the output of a computer call
    "image": VISION,  # Messages: in messages, in a tool's result, in a document made of blocks
    "input_audio": AUDIO,  # chat; the types of Responses have it, its reference does not promise it yet
}
"""Parts of a conversation that not every model takes. Closed: an unknown one needs nothing we could name."""

_NEEDS: Final = {"audio": AUDIO, "json_schema": JSON_SCHEMA, "tools": TOOLS, "vision": VISION}
_SHAPES: Final = {
    0: Shape.TEXT,
    TOOLS: Shape.TOOLS,
    VISION: Shape.VISION,
    TOOLS | VISION: Shape.TOOLS_VISION,
}


def traits_of(api: Api) -> tuple[Traits, ...]:
    """All traits a request of an API can have, by bits; they are frozen, so requests may share them."""
    return tuple(_traits(api, bits) for bits in range(2 * STREAM))


def _traits(api: Api, bits: int) -> Traits:
    return Traits(
        api=api,
        shape=_SHAPES[bits & (TOOLS | VISION)],
        needs=tuple(name for name, bit in sorted(_NEEDS.items()) if bits & bit),
        stream=bool(bits & STREAM),
    )


def bits_of_parts(parts: Any) -> int:
    """What a list of parts needs, read from anything that may stand in its place."""
    bits = 0
    for part in parts if type(parts) is list else ():
        kind = part.get("type") if type(part) is dict else None
        if type(kind) is str:
            bits |= PARTS.get(kind, 0)
    return bits
