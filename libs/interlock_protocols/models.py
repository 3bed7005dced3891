"""The models list, in one form that both the openai and the anthropic client read.

Rule: the same models give the same bytes, whatever order they came in, so a list can be compared and
cached. Two forms chosen by a header were dropped: the anthropic client reads the merged one (measured).
"""

from collections.abc import Iterable
from typing import Any, Final

import orjson

_CREATED_AT: Final = "1970-01-01T00:00:00Z"
"""A pool has no release date; a constant keeps the list equal on every call."""


def models_body(models: Iterable[tuple[str, str]]) -> bytes:
    """The list of (id, owned_by), sorted by id; a repeated id keeps its first owner in that order."""
    owners: dict[str, str] = {}
    for name, owned_by in sorted(models):
        owners.setdefault(name, owned_by)
    data = [_model(name, owned_by) for name, owned_by in owners.items()]
    return orjson.dumps(
        {
            "object": "list",
            "data": data,
            "has_more": False,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
        }
    )


def model_body(id: str, owned_by: str) -> bytes:
    """One model, as `GET /v1/models/{id}` answers."""
    return orjson.dumps(_model(id, owned_by))


def _model(id: str, owned_by: str) -> dict[str, Any]:
    return {
        "id": id,
        "object": "model",
        "created": 0,
        "owned_by": owned_by,
        "type": "model",
        "display_name": id,
        "created_at": _CREATED_AT,
    }
