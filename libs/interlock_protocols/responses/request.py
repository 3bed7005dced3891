"""A Responses request: what the gateway reads from it, in one parse.

It owns the reading of model, stream, traits and tools. Rule: one parse, only these fields; everything else
is skipped and goes on as it came. `input` may be a text, an array of items, or absent (a stored prompt, an
earlier response); what is wrong with it the upstream says, since nothing but parts is looked for in it.
Looking for parts at the one place where the reference puts each was dropped: a screenshot is an output, a
tool's image is one of several, and vendors add item types, while a part means the same wherever it stands.
"""

from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.json import Decoder

from interlock_domain.words import Api
from interlock_protocols.requests.bad_request import BadRequest
from interlock_protocols.requests.fields import read_object, refuse_model, refuse_stream
from interlock_protocols.requests.inference import InferenceRequest, routed, tools_alone
from interlock_protocols.requests.traits import (
    JSON_SCHEMA,
    JSON_SCHEMA_FORMAT,
    PARTS,
    STREAM,
    TOOLS,
    bits_of_parts,
    traits_of,
)
from interlock_protocols.splice.text import read_usual
from interlock_protocols.tools.tool_schemas import RESPONSES_TOOLS

_TRAITS: Final = traits_of(Api.RESPONSES)


class _Part(Struct, gc=False):
    type: str | None = None


class _Item(Struct, gc=False):
    """An item of the input: a message has `content`, what a tool gave has `output`."""

    type: str | None = None
    content: str | list[_Part] | None = None
    output: str | list[_Part] | _Part | None = None


class _Format(Struct, gc=False):
    type: str | None = None


class _Text(Struct, gc=False):
    format: _Format | None = None


class _UsualRequest(Struct, gc=False):
    """The usual request, as a type: everything stands where the reference has it."""

    model: str
    input: str | list[_Item] | None = None
    stream: bool | None = None
    tools: list[Raw] | None = None
    text: _Text | None = None


_decode_usual: Final = Decoder(_UsualRequest).decode


def parse_responses(body: bytes) -> InferenceRequest | BadRequest:
    """Read a request body, or say in the API's own words why it cannot be routed."""
    usual = read_usual(_decode_usual, body)
    if usual is None or not usual.model:
        return _parse_any(body)
    tools = ((RESPONSES_TOOLS, usual.tools),) if usual.tools else ()
    return routed(body, usual.model, _TRAITS[_usual_bits(usual)], tools)


def _parse_any(body: bytes) -> InferenceRequest | BadRequest:
    """Whatever the type of the usual request does not describe; the two agree where both can read."""
    request = read_object(body)
    if isinstance(request, BadRequest):
        return request
    refusal = refuse_model(request) or refuse_stream(request)
    if refusal is not None:
        return refusal
    bits = _bits(request)
    return routed(
        body, request["model"], _TRAITS[bits], tools_alone(body, RESPONSES_TOOLS) if bits & TOOLS else ()
    )


def _usual_bits(usual: _UsualRequest) -> int:
    bits = STREAM if usual.stream else 0
    if usual.tools:
        bits |= TOOLS
    if (
        usual.text is not None
        and usual.text.format is not None
        and usual.text.format.type == JSON_SCHEMA_FORMAT
    ):
        bits |= JSON_SCHEMA
    if type(usual.input) is list:
        for item in usual.input:
            bits |= _usual_item(item)
    return bits


def _usual_item(item: _Item) -> int:
    bits = PARTS.get(item.type or "", 0)
    for parts in (item.content, item.output):
        if type(parts) is list:
            for part in parts:
                bits |= PARTS.get(part.type or "", 0)
        elif type(parts) is _Part:
            bits |= PARTS.get(parts.type or "", 0)
    return bits


def _bits(request: dict[str, Any]) -> int:
    bits = STREAM if request.get("stream") else 0
    if request.get("tools"):
        bits |= TOOLS
    text = request.get("text")
    form = text.get("format") if type(text) is dict else None
    if type(form) is dict and form.get("type") == JSON_SCHEMA_FORMAT:
        bits |= JSON_SCHEMA
    items = request.get("input")
    for item in items if type(items) is list else ():
        if type(item) is dict:
            bits |= bits_of_parts([item]) | bits_of_parts(item.get("content"))
            output = item.get("output")
            bits |= bits_of_parts([output] if type(output) is dict else output)
    return bits
