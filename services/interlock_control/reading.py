"""Reads of the routing state: now, or at `?at=`, after `?min_position=`, with the position in the answer.

Rule: both go through the same functions of showing.py; now is answered here from the live state, then is
asked of the past. Every answer says in headers which position it shows and at which log time.
"""

from collections.abc import Sequence
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec
from fastapi import Query, Request, Response

from interlock_control.past import Question, StateAt, Told
from interlock_control.plane import ControlPlane
from interlock_control.positions import place_of, wait_for
from interlock_control.scene import Scene
from interlock_control.showing import Kind, shown

At = Annotated[
    str | None, Query(description="a position (1042), a distance (-15m) or RFC 3339", examples=["-15m"])
]
MinPosition = Annotated[
    str | None,
    Query(description="wait up to 3 s until the projection has passed this position", examples=["1042"]),
]
MOST: Final = 1_000
"""Records a page: about 400 KB, a few milliseconds of the database's reader."""
Limit = Annotated[int, Query(ge=1, le=MOST)]
Subject = Annotated[
    str | None, Query(description="what it is about: target/<id>, provider/<name>, pool/<name>, gateway/<id>")
]
Newest = Annotated[bool, Query(description="newest first; pages then go back in time")]
JSON: Final = "application/json"


async def read(plane: ControlPlane, kind: Kind, at: str | None, min_position: str | None) -> Response:
    """The answer of one resource, now or then."""
    await wait_for(min_position, plane)
    if at is None:
        scene = plane.now.scene()
        return scene_told(plane, scene, shown(scene, kind))
    place = await place_of(at, plane)
    return await asked(plane, StateAt(kind=kind, place=place, generation=plane.routing.status().generation))


async def asked(plane: ControlPlane, question: Question) -> Response:
    """What the past tells."""
    return told(await plane.past.ask(question))


def scene_told(plane: ControlPlane, scene: Scene, shows: object) -> Response:
    """What the present scene shows, and how long ago its end of the log was last seen to be the end."""
    body = msgspec.json.encode(shows)
    response = told(Told(body=body, position=scene.state.position, as_of_ms=scene.as_of_ms))
    response.headers["x-interlock-age-ms"] = str(plane.routing.status().age_ms)
    return response


def told(answer: Told) -> Response:
    """The answer with the place that it shows."""
    headers = {"x-interlock-position": str(answer.position), "x-interlock-as-of": str(answer.as_of_ms)}
    return Response(answer.body, headers=headers, media_type=JSON)


def joined(bodies: Sequence[bytes]) -> bytes:
    """A JSON array of documents that are JSON already."""
    return b"[" + b",".join(bodies) + b"]"


def paged(request: Request, items: bytes, name: str, more: int | None) -> Response:
    """A page: the items under their name, and `next`, also as a Link; None at the end."""
    following = b"null" if more is None else b"%d" % more
    response = Response(b'{"%s":%s,"next":%s}' % (name.encode(), items, following), media_type=JSON)
    if more is not None:
        query = dict(request.query_params) | {"after": str(more)}
        response.headers["link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    return response
