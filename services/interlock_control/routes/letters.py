"""/dead-letters: records that a consumer had to pass over, to be looked at, replayed or dropped.

Rule: what is shown of a record is text in which every foreign byte is escaped, and at most a screen of it.
Where there is no table of letters (one process on a file), there are none.
"""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from interlock_control.caller import Caller, WriteCaller
from interlock_control.deadletters import Desk, Wish
from interlock_control.plane import ControlPlane
from interlock_control.problem import not_found
from interlock_control.reading import JSON, Limit, paged
from interlock_eventlog.letters import KeptLetter, LetterState

SHOWN: Final = 2_000
"""Bytes of a value: enough to see what it is, little enough for a page of a hundred."""

Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
State = Annotated[LetterState | None, Query(description="waiting, replayed or dropped; else all")]


class ReplayBody(BaseModel):
    """`value`: the corrected record, as JSON or as text; absent: as it came."""

    model_config = ConfigDict(extra="forbid")

    value: dict[str, Any] | str | None = None
    reason: str | None = Field(default=None, max_length=500)


class DropBody(BaseModel):
    """Why it is dropped."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(default=None, max_length=500)


def router(plane: ControlPlane) -> APIRouter:
    """The routes of dead letters."""
    routes = APIRouter(prefix="/dead-letters", tags=["upkeep"])

    @routes.get("")
    async def list_letters(
        request: Request,
        state: State = None,
        after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
        limit: Limit = 100,
    ) -> Response:
        """Dead letters, oldest first."""
        page = await plane.letters.page(state, after, limit) if plane.letters is not None else ()
        more = page[-1].id if len(page) == limit else None
        return paged(request, msgspec.json.encode([shown_letter(one) for one in page]), "dead_letters", more)

    @routes.post("/{id}/replay")
    async def replay(id: Id, caller: WriteCaller, body: ReplayBody | None = None) -> Response:
        """Append a copy, corrected when a value is sent, at the end of its topic."""
        asked = body or ReplayBody()
        wish = _wish(caller, asked.reason, _bytes(asked.value))
        return _told(await _desk(plane, id).replay(id, wish))

    @routes.delete("/{id}")
    async def drop(id: Id, caller: WriteCaller, body: DropBody | None = None) -> Response:
        """Drop it: it stays to be read and waits no longer."""
        wish = _wish(caller, body.reason if body is not None else None, None)
        return _told(await _desk(plane, id).drop(id, wish))

    return routes


def shown_letter(letter: KeptLetter) -> dict[str, object]:
    """A letter for people and programs."""
    known: dict[str, object] = msgspec.to_builtins(letter, builtin_types=(bytes,))
    size = len(letter.value) if letter.value is not None else None
    return known | {
        "key": _text(letter.key),
        "value": _text(letter.value),
        "size": size,
        "headers": {name: _text(value) for name, value in letter.headers},
    }


def _told(letter: KeptLetter) -> Response:
    return Response(msgspec.json.encode(shown_letter(letter)), media_type=JSON)


def _desk(plane: ControlPlane, id: int) -> Desk:
    if plane.letters is None:
        raise not_found(f"dead letter {id}", "one process on a file keeps none")
    return plane.letters


def _wish(caller: Caller, reason: str | None, value: bytes | None) -> Wish:
    return Wish(by=caller.actor, because=reason, value=value)


def _bytes(value: dict[str, Any] | str | None) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw[:SHOWN].decode("utf-8", "backslashreplace")
