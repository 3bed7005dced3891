"""A legacy completions request: what the gateway reads from it, in one parse.

It owns the reading of model and stream. Rule: a prompt needs no capability whatever its form (a text,
texts, token ids), so it is skipped and never looked at; the API allows it to be absent, and the upstream
names its mistakes. Reading it into Python objects was dropped: it triples the cost of 8,000 token ids, for
nothing.
"""

from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from interlock_domain.routing.decision import Traits
from interlock_domain.words import Api, Shape
from interlock_protocols.requests.bad_request import BadRequest
from interlock_protocols.requests.fields import read_object, refuse_model, refuse_stream
from interlock_protocols.requests.inference import InferenceRequest, routed
from interlock_protocols.splice.text import read_usual

_WHOLE: Final = Traits(api=Api.COMPLETIONS, shape=Shape.TEXT)
_STREAMED: Final = Traits(api=Api.COMPLETIONS, shape=Shape.TEXT, stream=True)
"""All traits a request can have, made once: they are frozen, so requests may share them."""


class _UsualRequest(Struct, gc=False):
    """The usual request, as a type."""

    model: str
    stream: bool = False


_decode_usual: Final = Decoder(_UsualRequest).decode


def parse_completion(body: bytes) -> InferenceRequest | BadRequest:
    """Read a request body, or say in the API's own words why it cannot be routed."""
    usual = read_usual(_decode_usual, body)
    if usual is None or not usual.model:
        return _parse_any(body)
    return routed(body, usual.model, _STREAMED if usual.stream else _WHOLE)


def _parse_any(body: bytes) -> InferenceRequest | BadRequest:
    """Whatever the type of the usual request does not describe; the two agree where both can read."""
    request = read_object(body)
    if isinstance(request, BadRequest):
        return request
    refusal = refuse_model(request) or refuse_stream(request)
    return refusal or routed(body, request["model"], _STREAMED if request.get("stream") else _WHOLE)
