"""A Responses request: what the gateway reads from it, in one parse.

It owns the reading of model, stream and traits. Rule: one parse, only these fields, and the body goes on as
the bytes that came in. `input` may be a text, an array of items, or absent (a stored prompt, an earlier
response); what is wrong with it the upstream says, since nothing but parts is looked for in it. Looking for
parts at the one place where the reference puts each was dropped: a screenshot is an output, a tool's image
is one of several, and vendors add item types, while a part means the same wherever it stands.
"""

from typing import Any, Final

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from interlock_domain.routing.decision import Traits
from interlock_domain.words import Api, Shape
from interlock_protocols.bad_request import TOO_COMPLEX, BadRequest
from interlock_protocols.inference import InferenceRequest
from interlock_protocols.model_name import model_span
from interlock_protocols.request_fields import read_object, refuse_model, refuse_stream

_TOOLS: Final = 1
_VISION: Final = 2
_AUDIO: Final = 4
_JSON_SCHEMA: Final = 8
_STREAM: Final = 16

_NEEDS: Final = {"audio": _AUDIO, "json_schema": _JSON_SCHEMA, "tools": _TOOLS, "vision": _VISION}
_SHAPES: Final = {
    0: Shape.TEXT,
    _TOOLS: Shape.TOOLS,
    _VISION: Shape.VISION,
    _TOOLS | _VISION: Shape.TOOLS_VISION,
}
_PARTS: Final = {
    "input_image": _VISION,  # OpenAI: in messages, and in the output of function and custom tool calls
    "computer_screenshot": _VISION,  # OpenAI: the output of a computer call
    "input_audio": _AUDIO,  # OpenAI's types; its reference for this API does not promise it yet
}
"""Parts of the input that not every model takes. Closed: an unknown part needs nothing that we could name."""


def _traits(bits: int) -> Traits:
    return Traits(
        api=Api.RESPONSES,
        shape=_SHAPES[bits & (_TOOLS | _VISION)],
        needs=tuple(name for name, bit in sorted(_NEEDS.items()) if bits & bit),
        stream=bool(bits & _STREAM),
    )


_TRAITS: Final = tuple(_traits(bits) for bits in range(2 * _STREAM))
"""All traits a request can have, made once: they are frozen, so requests may share them."""


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


class _PlainRequest(Struct, gc=False):
    """The usual request, as a type: everything stands where the reference has it."""

    model: str
    input: str | list[_Item] | None = None
    stream: bool | None = None
    tools: list[Raw] | None = None
    text: _Text | None = None


_decode_plain: Final = Decoder(_PlainRequest).decode


def parse_responses(body: bytes) -> InferenceRequest | BadRequest:
    """Read a request body, or say in the API's own words why it cannot be routed."""
    try:
        plain = _decode_plain(body)
        if not body.isascii():
            body.decode()  # the decoder skips what it does not keep, bad UTF-8 included
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_any(body)
    return _routed(body, plain.model, _plain_bits(plain)) if plain.model else _parse_any(body)


def _parse_any(body: bytes) -> InferenceRequest | BadRequest:
    """Whatever the type of the usual request does not describe; the two agree where both can read."""
    request = read_object(body)
    if isinstance(request, BadRequest):
        return request
    refusal = refuse_model(request) or refuse_stream(request)
    return refusal or _routed(body, request["model"], _bits(request))


def _routed(body: bytes, model: str, bits: int) -> InferenceRequest | BadRequest:
    span = model_span(body)
    if span is None:
        return TOO_COMPLEX
    traits = _TRAITS[bits]
    return InferenceRequest(model=model, stream=traits.stream, traits=traits, model_span=span)


def _plain_bits(plain: _PlainRequest) -> int:
    bits = _STREAM if plain.stream else 0
    if plain.tools:
        bits |= _TOOLS
    if plain.text is not None and plain.text.format is not None and plain.text.format.type == "json_schema":
        bits |= _JSON_SCHEMA
    if type(plain.input) is list:
        for item in plain.input:
            bits |= _plain_item(item)
    return bits


def _plain_item(item: _Item) -> int:
    bits = _PARTS.get(item.type or "", 0)
    for parts in (item.content, item.output):
        if type(parts) is list:
            for part in parts:
                bits |= _PARTS.get(part.type or "", 0)
        elif type(parts) is _Part:
            bits |= _PARTS.get(parts.type or "", 0)
    return bits


def _bits(request: dict[str, Any]) -> int:
    bits = _STREAM if request.get("stream") else 0
    if request.get("tools"):
        bits |= _TOOLS
    text = request.get("text")
    form = text.get("format") if type(text) is dict else None
    if type(form) is dict and form.get("type") == "json_schema":
        bits |= _JSON_SCHEMA
    items = request.get("input")
    for item in items if type(items) is list else ():
        if type(item) is dict:
            bits |= _bits_of_parts([item]) | _bits_of_parts(item.get("content"))
            output = item.get("output")
            bits |= _bits_of_parts([output] if type(output) is dict else output)
    return bits


def _bits_of_parts(parts: Any) -> int:
    bits = 0
    for part in parts if type(parts) is list else ():
        kind = part.get("type") if type(part) is dict else None
        if type(kind) is str:
            bits |= _PARTS.get(kind, 0)
    return bits
