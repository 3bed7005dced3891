"""A chat completions request: what the gateway reads from it, in one parse.

It owns the reading of model, stream, traits and tools. Rule: one parse, only these fields; everything else is
skipped and goes on as it came. The rival, byte markers instead of a parse, was dropped: a marker inside a
prompt would choose the route, and the parse costs 1 us for a short body.
"""

from typing import Any, Final

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from interlock_domain.words import Api
from interlock_protocols.requests.bad_request import BadRequest, missing, wrong_type
from interlock_protocols.requests.fields import read_object, refuse_model, refuse_stream
from interlock_protocols.requests.inference import InferenceRequest, Tools, routed
from interlock_protocols.requests.traits import (
    AUDIO,
    JSON_SCHEMA,
    JSON_SCHEMA_FORMAT,
    PARTS,
    STREAM,
    TOOLS,
    bits_of_parts,
    traits_of,
)
from interlock_protocols.splice.text import read_usual
from interlock_protocols.tools.tool_schemas import CHAT_FUNCTIONS, CHAT_TOOLS

_TRAITS: Final = traits_of(Api.CHAT)


class _Part(Struct, gc=False):
    type: str | None = None


class _Message(Struct, gc=False):
    content: str | list[_Part] | None = None


class _Format(Struct, gc=False):
    type: str | None = None


class _UsualRequest(Struct, gc=False):
    """The usual request, as a type: agents' too, with tools, images and the calls they made before."""

    model: str
    messages: list[_Message]
    stream: bool | None = None
    tools: list[Raw] | None = None
    functions: list[Raw] | None = None
    response_format: _Format | None = None
    modalities: list[str] | None = None


class _ToolsOnly(Struct, gc=False):
    """The tools of a request that is unusual elsewhere."""

    tools: list[Raw] | None = None
    functions: list[Raw] | None = None


_decode_usual: Final = Decoder(_UsualRequest).decode
_decode_tools: Final = Decoder(_ToolsOnly).decode


def parse_chat(body: bytes) -> InferenceRequest | BadRequest:
    """Read a request body, or say in the API's own words why it cannot be routed."""
    usual = read_usual(_decode_usual, body)
    if usual is None or not usual.model:
        return _parse_any(body)
    bits = _usual_bits(usual)
    return routed(body, usual.model, _TRAITS[bits], _tools(usual) if bits & TOOLS else ())


def _tools(request: _UsualRequest | _ToolsOnly) -> Tools:
    return (CHAT_TOOLS, request.tools), (CHAT_FUNCTIONS, request.functions)


def _usual_bits(usual: _UsualRequest) -> int:
    bits = STREAM if usual.stream else 0
    if usual.tools or usual.functions:
        bits |= TOOLS
    if usual.response_format is not None and usual.response_format.type == JSON_SCHEMA_FORMAT:
        bits |= JSON_SCHEMA
    if usual.modalities is not None and "audio" in usual.modalities:
        bits |= AUDIO
    for message in usual.messages:
        if type(message.content) is list:
            for part in message.content:
                bits |= PARTS.get(part.type or "", 0)
    return bits


def _parse_any(body: bytes) -> InferenceRequest | BadRequest:
    """Whatever the type of the usual request does not describe; the two agree where both can read."""
    request = read_object(body)
    if isinstance(request, BadRequest):
        return request
    refusal = refuse_model(request) or refuse_stream(request) or _refuse_messages(request)
    if refusal is not None:
        return refusal
    bits = _bits(request)
    return routed(body, request["model"], _TRAITS[bits], _tools_of(body) if bits & TOOLS else ())


def _tools_of(body: bytes) -> Tools:
    try:
        return _tools(_decode_tools(body))
    except (DecodeError, RecursionError):
        return ()  # no list of tools: the upstream's to refuse


def _refuse_messages(request: dict[str, Any]) -> BadRequest | None:
    messages = request.get("messages")
    if type(messages) is list:
        return None
    return (
        missing("messages") if messages is None else wrong_type("messages", "an array of objects", messages)
    )


def _bits(request: dict[str, Any]) -> int:
    bits = STREAM if request.get("stream") else 0
    if request.get("tools") or request.get("functions"):
        bits |= TOOLS
    response_format = request.get("response_format")
    if type(response_format) is dict and response_format.get("type") == JSON_SCHEMA_FORMAT:
        bits |= JSON_SCHEMA
    modalities = request.get("modalities")
    if type(modalities) is list and "audio" in modalities:
        bits |= AUDIO
    for message in request["messages"]:
        if type(message) is dict:
            bits |= bits_of_parts(message.get("content"))
    return bits
