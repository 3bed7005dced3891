"""Writes: a command in, `{position, version}` and an ETag out, every refusal a problem.

Rule: the answer names the position at which the write stands in the log, so that `?min_position=` reads it
back; a refusal says what is so and what to do. Which refusal becomes which status is decided here alone.
"""

from typing import Final

import msgspec
from fastapi import Response

from interlock_control.caller import Caller, tagged
from interlock_control.commands import Accepted, Answer, Asked, KeyReused, Overtaken, Stale
from interlock_control.plane import ControlPlane
from interlock_control.positions import shown_position
from interlock_control.problem import Problem
from interlock_control.reading import JSON
from interlock_domain.catalog.commands import Command
from interlock_domain.catalog.decide import Rejected, RejectedWhy

_STATUS: Final = {
    RejectedWhy.UNKNOWN_PROVIDER: 404,
    RejectedWhy.UNKNOWN_TARGET: 404,
    RejectedWhy.UNKNOWN_POOL: 404,
    RejectedWhy.UNKNOWN_MEMBER: 404,
    RejectedWhy.UNKNOWN_SHAPE: 422,
    RejectedWhy.BAD_DURATION: 422,
    RejectedWhy.STALE_REVISION: 412,
    RejectedWhy.TOO_MANY_REMOVED: 409,
}


async def carried_out(
    plane: ControlPlane, command: Command, caller: Caller, reason: str | None = None
) -> Response:
    """Carry out an operator's command on the stream that the caller's If-Match speaks of."""
    asked = Asked(actor=caller.actor, reason=reason, seen=caller.seen, key=caller.idempotency_key)
    accepted = settled(await plane.commands.handle(command, asked))
    return written(accepted, position=shown_position(plane, accepted.position), version=accepted.version)


def settled(answer: Answer) -> Accepted:
    """What was accepted; a refusal is raised as its problem."""
    match answer:
        case Accepted():
            return answer
        case Rejected():
            detail = f"{answer.message}. {answer.hint}" if answer.hint else answer.message
            raise Problem(_STATUS[answer.reason], answer.reason.value, detail)
        case Stale():
            detail = (
                f"{answer.stream} is at version {answer.actual}, you have seen {answer.seen}: read it again"
            )
            raise Problem(412, "precondition_failed", detail, current_version=answer.actual)
        case Overtaken():
            detail = f"others kept changing {answer.stream} at the same time: send it again"
            raise Problem(409, "conflict", detail, conflicts=[answer.stream])
        case KeyReused():
            detail = f"the idempotency key {answer.key!r} was used for another command: choose a new one"
            raise Problem(422, "idempotency_key_reused", detail)


def written(accepted: Accepted, **document: object) -> Response:
    """The answer to a write."""
    response = Response(msgspec.json.encode(document), media_type=JSON)
    if accepted.repeated:
        response.headers["idempotent-replayed"] = "true"
    return tagged(response, accepted.version)
