"""A chat completions request: what the gateway reads from it, in one parse.

It owns the reading of model, stream and traits. Rule: one parse, only these fields, and the body goes
on as the bytes that came in. The rival, byte markers instead of a parse, was dropped: a marker inside
a prompt would choose the route, and the parse costs 1 us for a short body.
"""

from typing import Any, Final

import orjson
from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from interlock_domain.routing.decision import Traits
from interlock_domain.words import Api, Shape
from interlock_protocols.bad_request import (
    NO_MODEL,
    NOT_JSON,
    TOO_COMPLEX,
    BadRequest,
    missing,
    wrong_type,
)
from interlock_protocols.inference import InferenceRequest
from interlock_protocols.model_name import model_span

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
_PARTS: Final = {"image_url": _VISION, "input_image": _VISION, "input_audio": _AUDIO}


def _traits(bits: int) -> Traits:
    return Traits(
        api=Api.CHAT,
        shape=_SHAPES[bits & (_TOOLS | _VISION)],
        needs=tuple(name for name, bit in sorted(_NEEDS.items()) if bits & bit),
        stream=bool(bits & _STREAM),
    )


_TRAITS: Final = tuple(_traits(bits) for bits in range(2 * _STREAM))
"""All traits a request can have, made once: they are frozen, so requests may share them."""


class _PlainMessage(Struct, gc=False):
    content: str


class _PlainRequest(Struct, gc=False):
    """The usual request, as a type: texts, and nothing that needs a capability."""

    model: str
    messages: list[_PlainMessage]
    stream: bool = False
    tools: None = None
    functions: None = None
    response_format: None = None
    modalities: None = None


_decode_plain: Final = Decoder(_PlainRequest).decode


def parse_chat(body: bytes) -> InferenceRequest | BadRequest:
    """Read a request body, or say in the API's own words why it cannot be routed."""
    try:
        plain = _decode_plain(body)
        if not body.isascii():
            body.decode()  # the decoder skips what it does not keep, bad UTF-8 included
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_any(body)
    span = model_span(body)
    if span is None or not plain.model:
        return _parse_any(body)
    traits = _TRAITS[plain.stream * _STREAM]
    return InferenceRequest(model=plain.model, stream=plain.stream, traits=traits, model_span=span)


def _parse_any(body: bytes) -> InferenceRequest | BadRequest:
    """Whatever the type of the usual request does not describe; the two agree where both can read."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON
    if type(request) is not dict:
        return NOT_JSON
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    span = model_span(body)
    if span is None:
        return TOO_COMPLEX
    traits = _TRAITS[_bits(request)]
    return InferenceRequest(model=request["model"], stream=traits.stream, traits=traits, model_span=span)


def _refusal(request: dict[str, Any]) -> BadRequest | None:
    model = request.get("model")
    if type(model) is not str:
        return NO_MODEL if model is None else wrong_type("model", "a string", model)
    if not model:
        return NO_MODEL
    stream = request.get("stream")
    if stream is not None and type(stream) is not bool:
        return wrong_type("stream", "a boolean", stream)
    messages = request.get("messages")
    if type(messages) is not list:
        return (
            missing("messages")
            if messages is None
            else wrong_type("messages", "an array of objects", messages)
        )
    return None


def _bits(request: dict[str, Any]) -> int:
    bits = _STREAM if request.get("stream") else 0
    if request.get("tools") or request.get("functions"):
        bits |= _TOOLS
    response_format = request.get("response_format")
    if type(response_format) is dict and response_format.get("type") == "json_schema":
        bits |= _JSON_SCHEMA
    modalities = request.get("modalities")
    if type(modalities) is list and "audio" in modalities:
        bits |= _AUDIO
    for message in request["messages"]:
        if type(message) is dict:
            content = message.get("content")
            if type(content) is list:
                bits |= _bits_of_parts(content)
    return bits


def _bits_of_parts(parts: list[Any]) -> int:
    bits = 0
    for part in parts:
        if type(part) is dict:
            kind = part.get("type")
            if type(kind) is str:
                bits |= _PARTS.get(kind, 0)
    return bits
