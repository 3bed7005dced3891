"""/requests: what became of requests, and why one went where it went.

Rule: a list shows records as they are stored; one request is explained from the log, with a proof. A fresh id
is waited for, because its record is on its way when the client already holds the answer.
"""

import asyncio
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Response

from interlock_control.past import Explain
from interlock_control.plane import ControlPlane
from interlock_control.positions import moment_of
from interlock_control.problem import Problem, not_found
from interlock_control.reading import JSON, asked
from interlock_domain.attempt.record import RequestRecord, failovers
from interlock_domain.words import Result
from interlock_records.paging import BadCursor
from interlock_records.records import RecordFilter

MOST: Final = 500
"""Records a page: about 1 KB each."""
FRESH_S: Final = 3.0
"""How long a record may be on its way (requirements F2)."""
LOOK_S: Final = 0.05
"""Between two looks: half of what a gateway collects into one batch."""

Moment = Annotated[str | None, Query(description="a distance (-15m) or RFC 3339; inclusive")]


def router(plane: ControlPlane) -> APIRouter:
    """The routes of requests."""
    routes = APIRouter(prefix="/requests", tags=["requests"])

    @routes.get("")
    async def list_requests(
        *,
        pool: str | None = None,
        target: Annotated[
            str | None, Query(description="whose answer the client got, or the last one tried")
        ] = None,
        result: Result | None = None,
        from_: Annotated[Moment, Query(alias="from")] = None,
        to: Moment = None,
        before: Annotated[str | None, Query(description="the `next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> Response:
        """Request records, newest first."""
        wanted = RecordFilter(
            pool=pool,
            target=target,
            result=result.value if result is not None else None,
            from_ms=moment_of(from_, plane.clock),
            to_ms=moment_of(to, plane.clock),
            before=before,
            limit=limit,
        )
        try:
            page = await plane.records.newest(wanted)
        except BadCursor as error:
            raise Problem(400, "bad_cursor", str(error)) from error
        return Response(
            msgspec.json.encode({"requests": [_line(record) for record in page.records], "next": page.next}),
            media_type=JSON,
        )

    @routes.get("/{request_id}")
    async def one_request(request_id: str) -> Response:
        """One request, by its id or a unique beginning of 6 characters: decision, attempts, proof."""
        record = await _awaited(plane, request_id)
        if record is None:
            raise not_found(
                f"request {request_id}",
                f"no record of such an id arrived within {FRESH_S:g} s; they are kept "
                "for the time that `retention.requests` says",
            )
        return await asked(plane, Explain(record=record))

    return routes


async def _awaited(plane: ControlPlane, request_id: str) -> RequestRecord | None:
    deadline = plane.clock.monotonic() + FRESH_S
    while True:
        record = await plane.records.get(request_id)
        if record is not None or plane.clock.monotonic() >= deadline:
            return record
        await asyncio.sleep(LOOK_S)


def _line(record: RequestRecord) -> dict[str, object]:
    """A request in a list."""
    return {
        "request_id": record.request_id,
        "started_ms": record.started_ms,
        "duration_ms": record.duration_ms,
        "pool": record.pool,
        "shape": record.inputs.traits.shape.value,
        "target": record.target,
        "result": record.result.value,
        "status": record.status,
        "reason": record.reason,
        "attempts": len(record.attempts),
        "failovers": failovers(record.attempts),
        "ttfc_ms": record.ttfc_ms,
        "snapshot": record.snapshot,
        "gateway": record.gateway,
    }
