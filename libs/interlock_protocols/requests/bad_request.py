"""Why a request body was refused before any target was asked, as a value.

It owns the closed set of refusals and their wording, which is that of the OpenAI API: clients and
their logs already know these sentences. Rule: only what the gateway itself must read is refused here;
every other mistake is the upstream's to name, because its wording is what the client's docs explain.
The rival, a schema of the whole body, was dropped: it refuses fields that were added upstream last week.
"""

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct


class BadRequestCode(StrEnum):
    """The `code` of the error body; closed, so that it can be a metric label."""

    INVALID_JSON = "invalid_json"
    MISSING_PARAMETER = "missing_required_parameter"
    INVALID_TYPE = "invalid_type"
    TOO_COMPLEX = "too_complex"


class BadRequest(Struct, frozen=True, kw_only=True):
    """A refusal of the request as such; no target may be asked with it."""

    code: BadRequestCode
    message: str
    param: str | None = None
    status: int = 400


NOT_JSON: Final = BadRequest(
    code=BadRequestCode.INVALID_JSON,
    message="We could not parse the JSON body of your request. The API expects a JSON object in UTF-8.",
)
NO_MODEL: Final = BadRequest(
    code=BadRequestCode.MISSING_PARAMETER, message="you must provide a model parameter", param="model"
)
TOO_COMPLEX: Final = BadRequest(
    code=BadRequestCode.TOO_COMPLEX, message="The JSON body of your request has too many values."
)

_KINDS: Final = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", int: "an integer"}


def missing(param: str) -> BadRequest:
    """The refusal of a body without a parameter it must have."""
    return BadRequest(
        code=BadRequestCode.MISSING_PARAMETER, message=f"Missing required parameter: '{param}'.", param=param
    )


def wrong_type(param: str, expected: str, got: Any) -> BadRequest:
    """The refusal of a parameter of another type than `expected` ("a string")."""
    kind = "null" if got is None else _KINDS.get(type(got), "a number")
    message = f"Invalid type for '{param}': expected {expected}, but got {kind} instead."
    return BadRequest(code=BadRequestCode.INVALID_TYPE, message=message, param=param)
