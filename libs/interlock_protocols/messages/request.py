"""An Anthropic request, for an answer or for a count of its tokens: what the gateway reads, in one parse.

It owns the reading of model, stream, traits and tools, and the wording of what is refused, which is that of
the Anthropic API. Rule: one parse, only these fields; everything else is skipped and goes on as it came. The
usual request is typed with content blocks, tools and images: coding agents send a conversation of blocks and
all their tools with each turn (186 KB: 0.25 ms, against 0.37 by a full parse).
"""

from typing import Any, Final, Union, cast

import orjson
from msgspec import Raw, Struct, structs
from msgspec.json import Decoder

from interlock_domain.words import Api
from interlock_protocols.requests.bad_request import BadRequest, BadRequestCode
from interlock_protocols.requests.inference import InferenceRequest, routed, tools_alone
from interlock_protocols.requests.traits import (
    JSON_SCHEMA,
    JSON_SCHEMA_FORMAT,
    PARTS,
    STREAM,
    TOOLS,
    VISION,
    traits_of,
)
from interlock_protocols.splice.text import read_usual
from interlock_protocols.tools.tool_schemas import MESSAGES_TOOLS

_TRAITS: Final = traits_of(Api.MESSAGES)
_IMAGES: Final = frozenset(kind for kind, bit in PARTS.items() if bit == VISION)


def _refused(code: BadRequestCode, param: str, says: str) -> BadRequest:
    return BadRequest(code=code, message=f"{param}: {says}", param=param)


NOT_JSON: Final = BadRequest(
    code=BadRequestCode.INVALID_JSON,
    message="The request body is not valid JSON: expected an object in UTF-8",
)
_EMPTY_MODEL: Final = _refused(
    BadRequestCode.MISSING_PARAMETER, "model", "String should have at least 1 character"
)


class _Block(Struct, gc=False):
    """A content block, as far as it may be or hold an image; sources and results are read as blocks too."""

    type: str = ""
    content: Union[str, list["_Block"], "_Block", None] = None
    source: Union[str, "_Block", None] = None


class _Message(Struct, gc=False):
    content: str | list[_Block]


class _OutputConfig(Struct, gc=False):
    format: _Block | None = None


class _UsualRequest(Struct, gc=False):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    tools: list[Raw] | None = None
    output_config: _OutputConfig | None = None
    output_format: _Block | None = None


_decode_usual: Final = Decoder(_UsualRequest).decode


def parse_messages(body: bytes) -> InferenceRequest | BadRequest:
    """Read a request body, or say in the API's own words why it cannot be routed."""
    usual = read_usual(_decode_usual, body)
    if usual is None or not usual.model:
        return _parse_any(body)
    tools = ((MESSAGES_TOOLS, usual.tools),) if usual.tools else ()
    return routed(body, usual.model, _TRAITS[_usual_bits(usual)], tools)


def parse_count(body: bytes) -> InferenceRequest | BadRequest:
    """Read the body of count_tokens: the same fields, and never a stream."""
    request = parse_messages(body)
    if isinstance(request, BadRequest) or not request.stream:
        return request
    return structs.replace(request, stream=False, traits=structs.replace(request.traits, stream=False))


def _usual_bits(usual: _UsualRequest) -> int:
    bits = STREAM if usual.stream else 0
    if usual.tools:
        bits |= TOOLS
    config = usual.output_config
    for wanted in (usual.output_format, config.format if config is not None else None):
        if wanted is not None and wanted.type == JSON_SCHEMA_FORMAT:
            bits |= JSON_SCHEMA
    for message in usual.messages:
        if type(message.content) is list and _show_image(message.content):
            return bits | VISION
    return bits


def _show_image(blocks: list[_Block]) -> bool:
    """Whether an image stands among these blocks, or inside a tool's result or a document made of blocks."""
    for block in blocks:
        if block.type in _IMAGES:
            return True
        for inner in (block.content, block.source):
            if inner is None or type(inner) is str:
                continue
            if _show_image(inner if type(inner) is list else [cast("_Block", inner)]):
                return True
    return False


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
    bits = _bits(request)
    return routed(
        body, request["model"], _TRAITS[bits], tools_alone(body, MESSAGES_TOOLS) if bits & TOOLS else ()
    )


def _refusal(request: dict[str, Any]) -> BadRequest | None:
    for param, kind, word in (("model", str, "string"), ("messages", list, "list")):
        if param not in request:
            return _refused(BadRequestCode.MISSING_PARAMETER, param, "Field required")
        if type(request[param]) is not kind:
            return _refused(BadRequestCode.INVALID_TYPE, param, f"Input should be a valid {word}")
    if not request["model"]:
        return _EMPTY_MODEL
    if type(request.get("stream")) not in (bool, type(None)):
        return _refused(BadRequestCode.INVALID_TYPE, "stream", "Input should be a valid boolean")
    return None


def _bits(request: dict[str, Any]) -> int:
    bits = STREAM if request.get("stream") else 0
    if request.get("tools"):
        bits |= TOOLS
    config = request.get("output_config")
    for wanted in (request.get("output_format"), config.get("format") if type(config) is dict else None):
        if type(wanted) is dict and wanted.get("type") == JSON_SCHEMA_FORMAT:
            bits |= JSON_SCHEMA
    for message in request["messages"]:
        if (
            type(message) is dict
            and type(message.get("content")) is list
            and _holds_image(message["content"])
        ):
            bits |= VISION
    return bits


def _holds_image(blocks: list[Any]) -> bool:
    """The same of blocks that may be anything."""
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        if type(block) is list:
            waiting += block
        elif type(block) is dict:
            if type(block.get("type")) is str and block["type"] in _IMAGES:
                return True
            waiting += (block.get("content"), block.get("source"))
    return False
