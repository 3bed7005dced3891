"""A request that may be routed, whichever client API it came by.

Rule: of a body only this is read; it goes on as the bytes that came in, but for the model's name and for
schemas of tools that upstreams would refuse.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import DecodeError, Raw, Struct, structs
from msgspec.json import Decoder

from interlock_domain.routing.decision import Traits
from interlock_protocols.requests.bad_request import TOO_COMPLEX, BadRequest
from interlock_protocols.splice.model_name import Span, model_span
from interlock_protocols.tools.rules import Repair
from interlock_protocols.tools.tool_schemas import Slot, repaired_tools


class InferenceRequest(Struct, frozen=True, kw_only=True):
    """`model_span`: where to write another model name (`model_name.with_model`), in `body`."""

    model: str
    stream: bool
    traits: Traits
    model_span: Span
    body: bytes
    """What goes on: the very object that came in, unless `repairs` says what was changed."""
    repairs: frozenset[Repair] = frozenset()


Tools = Sequence[tuple[Slot, Sequence[Raw] | None]]
"""What a body has where its API has tools."""


class _ToolsOnly(Struct, gc=False):
    tools: list[Raw] | None = None


_decode_tools: Final = Decoder(_ToolsOnly).decode


def tools_alone(body: bytes, slot: Slot) -> Tools:
    """The tools of a request that is unusual elsewhere, in an API with one place for them."""
    try:
        return ((slot, _decode_tools(body).tools),)
    except (DecodeError, RecursionError):
        return ()  # no list of tools: the upstream's to refuse


def routed(body: bytes, model: str, traits: Traits, tools: Tools = ()) -> InferenceRequest | BadRequest:
    """The request of a body that could be read."""
    if tools:
        return _with_tools(body, model, traits, tools)
    span = model_span(body)
    if span is None:
        return TOO_COMPLEX
    return InferenceRequest(model=model, stream=traits.stream, traits=traits, model_span=span, body=body)


def _with_tools(body: bytes, model: str, traits: Traits, tools: Tools) -> InferenceRequest | BadRequest:
    repairs: frozenset[Repair] = frozenset()
    for slot, given in tools:
        repaired = repaired_tools(body, slot, given)
        if repaired is not None:
            body = repaired.body
            repairs |= repaired.repairs
    request = routed(body, model, traits)
    if isinstance(request, BadRequest) or not repairs:
        return request
    return structs.replace(request, repairs=repairs)
