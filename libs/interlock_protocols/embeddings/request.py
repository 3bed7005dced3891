"""An embeddings request: what the gateway reads from it, in one parse.

It owns the reading of the model, and that there is an input. Rule: the input is skipped, whatever its form
(a text, texts, token ids), because no form needs a capability; this API has no streams, so a `stream` in
the body is the upstream's to name.
"""

from typing import Final

from msgspec import Raw, Struct
from msgspec.json import Decoder

from interlock_domain.routing.decision import Traits
from interlock_domain.words import Api, Shape
from interlock_protocols.requests.bad_request import BadRequest, missing
from interlock_protocols.requests.fields import read_object, refuse_model
from interlock_protocols.requests.inference import InferenceRequest, routed
from interlock_protocols.splice.text import read_usual

_TRAITS: Final = Traits(api=Api.EMBEDDINGS, shape=Shape.EMBEDDINGS)
_NULL: Final = ord("n")
"""Of all JSON values only null begins with it."""


class _UsualRequest(Struct, gc=False):
    """The usual request, as a type: the input stays the bytes it came in."""

    model: str
    input: Raw


_decode_usual: Final = Decoder(_UsualRequest).decode


def parse_embeddings(body: bytes) -> InferenceRequest | BadRequest:
    """Read a request body, or say in the API's own words why it cannot be routed."""
    usual = read_usual(_decode_usual, body)
    if usual is None or not usual.model or memoryview(usual.input)[0] == _NULL:
        return _parse_any(body)
    return routed(body, usual.model, _TRAITS)


def _parse_any(body: bytes) -> InferenceRequest | BadRequest:
    """Whatever the type of the usual request does not describe; the two agree where both can read."""
    request = read_object(body)
    if isinstance(request, BadRequest):
        return request
    refusal = refuse_model(request)
    if refusal is None and request.get("input") is None:
        refusal = missing("input")
    return refusal or routed(body, request["model"], _TRAITS)
