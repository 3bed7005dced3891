"""The models of a simulated provider: the list and one of them, in the form of the API that asks.

Source: platform.openai.com, API reference, models; platform.claude.com/docs, api/models-list. Rule: who sends
`anthropic-version` speaks the Messages API and gets its form, everybody else OpenAI's. One merged form was
dropped: that is what a gateway may choose, and a vendor's own client must be compared with the vendor.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct

from interlock_testing.voices.voice import CREATED

_LIST: Final = "/models"
_CREATED_AT: Final = "2025-06-15T15:06:40Z"


class Listing(Struct, frozen=True):
    """A status and the body that goes with it."""

    status: int
    body: dict[str, Any]


def listing(path: str, owner: str, models: Sequence[str], *, anthropic: bool) -> Listing | None:
    """The answer to a GET of `path` without its query; None: this is no path of models."""
    one = _anthropic_model if anthropic else _openai_model
    if path.endswith(_LIST):
        data = [one(name, owner) for name in models]
        return Listing(200, _page(data) if anthropic else {"object": "list", "data": data})
    _, found, quoted = path.partition(_LIST + "/")
    if not found:
        return None
    name = unquote(quoted)
    if name in models:
        return Listing(200, one(name, owner))
    return Listing(404, _anthropic_missing(name) if anthropic else _openai_missing(name))


def _openai_model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner}


def _anthropic_model(name: str, _: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name.title(), "created_at": _CREATED_AT}


def _page(data: list[dict[str, Any]]) -> dict[str, Any]:
    ids = [each["id"] for each in data] or [None]
    return {"data": data, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}


def _openai_missing(name: str) -> dict[str, Any]:
    message = f"The model '{name}' does not exist"
    return {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


def _anthropic_missing(name: str) -> dict[str, Any]:
    error = {"type": "not_found_error", "message": f"model: {name}"}
    return {"type": "error", "error": error, "request_id": "req_models"}
