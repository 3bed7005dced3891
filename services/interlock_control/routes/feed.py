"""/feed and /outcomes: both ends of a gateway that cannot reach Kafka, ours or somebody else's.

Rule: the feed passes on what the projector published, commit by commit, so a gateway may move from one
control plane to another, or to Kafka, and holds the same versions. Outcomes are taken whole or refused whole,
and the answer comes when the log has acknowledged them. Dropped: serving the rows of this process's own fold,
which has no epoch to tell a replaced projector by, and may be ahead of what is durable.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from interlock_control.place import parse_version
from interlock_control.plane import ControlPlane
from interlock_control.problem import Problem, invalid
from interlock_control.reading import JSON
from interlock_control.reported import LARGEST_BODY, Refusal, reported
from interlock_feed.feed import FeedUpdate
from interlock_feed.http_stream import ALIVE, MEDIA_TYPE, encoded
from interlock_feed.shared import Version

ALIVE_S: Final = 5.0
"""Between signs of life while nothing is published: a follower waits for three of them."""
BEGIN: Final = b"retry: 1000\n\n"
"""The head of the stream goes out with it, also when there is nothing to tell yet."""
_UNCACHED: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


def router(plane: ControlPlane) -> APIRouter:
    """The routes of gateways that have nothing but HTTP."""
    routes = APIRouter(tags=["gateways"])

    @routes.get("/feed")
    async def feed(
        *,
        after: Annotated[
            str | None,
            Query(description="the version you hold, g<generation>:<position>; nothing older comes"),
        ] = None,
        whole: Annotated[bool, Query(description="the complete table, not the difference")] = False,
        cluster: Annotated[bool, Query(description="with the key of credential fingerprints")] = False,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The state feed as server-sent events: `row` events, then the `_commit` that proves them."""
        if plane.feed is None:
            raise Problem(404, "not_found", "this control plane passes no state feed on")
        tail = plane.feed.tail(_version(after or last_event_id), whole=whole)
        return StreamingResponse(
            _told(plane, tail, cluster=cluster), media_type=MEDIA_TYPE, headers=_UNCACHED
        )

    @routes.post("/outcomes", status_code=202)
    async def outcomes(request: Request) -> Response:
        """Facts of one worker in the order of their sequence: all of them are in the log, or none."""
        found = reported(await _body(request))
        if isinstance(found, Refusal):
            raise invalid(found.sentence, refused=msgspec.to_builtins(found.refused))
        position = await plane.log.publish(found.stream, found.facts)
        answer = {"accepted": len(found.facts), "position": str(position)}
        return Response(msgspec.json.encode(answer), 202, media_type=JSON)

    return routes


def _version(text: str | None) -> Version | None:
    if text is None:
        return None
    found = parse_version(text)
    if found is None:
        raise invalid(f"after={text!r} is no version: send the id of the last `_commit`, like g1:1042")
    return found


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            raise Problem(413, "too_large", f"send at most {LARGEST_BODY >> 20} MiB of outcomes at once")
    return bytes(body)


async def _told(
    plane: ControlPlane, tail: AsyncGenerator[FeedUpdate, None], *, cluster: bool
) -> AsyncIterator[bytes]:
    """The stream until this process stops; a follower then asks another one."""
    stopping = asyncio.ensure_future(plane.stopping.wait())
    coming: asyncio.Future[FeedUpdate] | None = None
    try:
        yield BEGIN
        while not stopping.done():
            coming = coming or asyncio.ensure_future(anext(tail))
            await asyncio.wait((coming, stopping), timeout=ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                update, coming = coming.result(), None
                for piece in encoded(update, cluster=cluster):
                    yield piece
            elif not stopping.done():
                yield ALIVE
    finally:
        left = [one for one in (coming, stopping) if one is not None]
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await tail.aclose()
