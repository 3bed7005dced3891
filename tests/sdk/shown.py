"""What a user of an SDK sees, as plain JSON: objects by class and content, exceptions by all they say.

Rule: two things that a program could tell apart are shown differently. Comparing reprs was dropped: they hide
what an SDK keeps beside its declared fields.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

LONG: Final = 4_000
"""Characters of a text that is shown as it is; of a longer one its digest is as good."""

_ABOUT_ERRORS: Final = ("status_code", "code", "param", "type", "body", "request_id")
_ABOUT_RETRIES: Final = ("retry-after", "retry-after-ms", "x-should-retry")
_OF_THE_CONNECTION: Final = frozenset(
    ("connection", "content-length", "date", "keep-alive", "server", "transfer-encoding")
)


def shown(value: Any) -> Any:
    """Any value an SDK hands out."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return {"bytes": _text(value.decode("latin-1"))}
    if hasattr(value, "model_dump"):
        dumped = value.model_dump(mode="json", warnings=False)
        return {"is": type(value).__name__} | {name: shown(inner) for name, inner in dumped.items()}
    if isinstance(value, Mapping):
        return {str(name): shown(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shown(inner) for inner in value]
    return {"is": type(value).__name__}


def raised(error: BaseException) -> dict[str, Any]:
    """An exception: its class, its words, and what its attributes tell a program."""
    found: dict[str, Any] = {"class": _class_of(error), "message": _text(str(error))}
    for name in _ABOUT_ERRORS:
        if hasattr(error, name):
            found[name] = shown(getattr(error, name))
    if error.__cause__ is not None:
        found["cause"] = _class_of(error.__cause__)
    response = getattr(error, "response", None)
    if response is not None:
        told = headers(response.headers)
        found["headers"] = {name: told[name] for name in _ABOUT_RETRIES if name in told}
    return found


def headers(given: Mapping[str, str]) -> dict[str, str]:
    """Response headers, without those that belong to the connection."""
    return {name.lower(): value for name, value in given.items() if name.lower() not in _OF_THE_CONNECTION}


def _text(value: str) -> Any:
    if len(value) <= LONG:
        return value
    return {"sha256": hashlib.sha256(value.encode(errors="replace")).hexdigest(), "length": len(value)}


def _class_of(error: BaseException) -> str:
    return f"{type(error).__module__.partition('.')[0]}.{type(error).__name__}"
