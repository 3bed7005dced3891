"""Who asks, and on which condition: the headers that every write understands.

Rule: an If-Match that cannot be read is refused, never ignored; a strong ETag is the version of a stream (or
the revision of the configuration) in quotes. The idempotency key becomes part of event ids, so its length is
bounded. Dropped: weak tags, because a version either is the one that was seen or it is not.
"""

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Response
from msgspec import Struct

from interlock_control.problem import Problem, invalid

_TAG: Final = re.compile(r'"(\d{1,18})"|(\d{1,18})')
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]{1,200}")
LOCAL_ACTOR: Final = "local"


class Caller(Struct, frozen=True, kw_only=True):
    """The actor, the version that the caller has seen (None: not said), and its name for this write."""

    actor: str
    seen: int | None = None
    any_version: bool = False
    """If-Match was `*`: whatever the version is."""
    idempotency_key: str | None = None


def caller(
    x_interlock_actor: Annotated[
        str | None, Header(description="who is acting; recorded with the event")
    ] = None,
    if_match: Annotated[str | None, Header(description="the ETag that was read; 412 when it moved")] = None,
    idempotency_key: Annotated[str | None, Header(description="the same key and body append once")] = None,
) -> Caller:
    """Read the headers of a write."""
    return Caller(
        actor=x_interlock_actor or LOCAL_ACTOR,
        seen=_seen(if_match),
        any_version=if_match is not None and if_match.strip() == "*",
        idempotency_key=_key(idempotency_key),
    )


WriteCaller = Annotated[Caller, Depends(caller)]


def etag(version: int) -> str:
    """The strong tag of a version."""
    return f'"{version}"'


def tagged(response: Response, version: int) -> Response:
    """Say which version this answer shows."""
    response.headers["etag"] = etag(version)
    return response


def required(seen: int | None, what: str) -> int:
    """The version the caller has seen; 428 when it did not say."""
    if seen is None:
        raise Problem(428, "precondition_required", f'say which {what} you have seen: If-Match: "<{what}>"')
    return seen


def _seen(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise invalid(f'If-Match {if_match!r} is no version: send the ETag as it was read, like "12"')
    return int(found[1] or found[2])


def _key(text: str | None) -> str | None:
    if text is None:
        return None
    key = text.strip().strip('"')
    if not _PRINTABLE.fullmatch(key):
        raise invalid("Idempotency-Key must be 1 to 200 printable characters without spaces")
    return key
