"""The fields of a parsed request body that mean the same in every OpenAI style API.

It owns their refusals, in that API's words. Rule: absent and null are the same; a field is refused for its
type only where the gateway itself reads it.
"""

from typing import Any

import orjson

from interlock_protocols.requests.bad_request import NO_MODEL, NOT_JSON, BadRequest, wrong_type


def read_object(body: bytes) -> dict[str, Any] | BadRequest:
    """The body as a JSON object."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON
    return request if type(request) is dict else NOT_JSON


def refuse_model(request: dict[str, Any]) -> BadRequest | None:
    """Why the model cannot be routed by; None: it can."""
    model = request.get("model")
    if type(model) is not str:
        return NO_MODEL if model is None else wrong_type("model", "a string", model)
    return None if model else NO_MODEL


def refuse_stream(request: dict[str, Any]) -> BadRequest | None:
    """Why it cannot be told whether a stream is asked for; None: it can."""
    stream = request.get("stream")
    return None if stream is None or type(stream) is bool else wrong_type("stream", "a boolean", stream)
