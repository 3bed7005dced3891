"""Refusals on the wire: RFC 9457 problem documents with a sentence that says what to do next.

Rule: every answer that is not a success is application/problem+json with type, title, status, detail and
typed extensions; handlers raise `Problem` and nothing else. Dropped: a library, because it is 60 lines;
problem types as URLs of a web site, because a URN promises nothing that can go away.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from interlock_control.unbroken import PastGone
from interlock_eventlog.log import UnreadableDecision
from interlock_runtime.sqlite_errors import StorageError, StorageFull

MEDIA_TYPE: Final = "application/problem+json"


class Problem(Exception):
    """A refusal on its way to the client."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions


def not_found(what: str, hint: str) -> Problem:
    """404: the thing does not exist; `hint` names where to look."""
    return Problem(404, "not_found", f"{what} does not exist: {hint}")


def invalid(detail: str, **extensions: Any) -> Problem:
    """422: the request can be read but means nothing."""
    return Problem(422, "invalid", detail, **extensions)


def render(problem: Problem, instance: str) -> Response:
    """The document of a problem."""
    document: dict[str, Any] = {
        "type": f"urn:interlock:problem:{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        **problem.extensions,
    }
    content = msgspec.json.encode(document)
    return Response(content, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI, away: Sequence[type[Exception]] = ()) -> None:
    """Make every refusal a problem document; `away`: errors that say that a service cannot be reached."""
    of: dict[type[Exception], Callable[[Request, Any], Problem]] = {
        Problem: lambda _, problem: problem,
        HTTPException: _of_http,
        RequestValidationError: lambda _, error: _of_validation(error),
        UnreadableDecision: lambda _, error: Problem(503, "unreadable_decision", str(error)),
        PastGone: lambda _, error: Problem(410, "past_gone", str(error)),
        StorageFull: lambda _, error: Problem(507, "storage_full", str(error)),
        StorageError: lambda _, error: Problem(503, "storage", str(error), headers=_SOON),
        Exception: lambda _, error: Problem(500, "bug", _BUG.format(type(error).__name__)),
    }
    for kind in away:
        of[kind] = lambda _, error: Problem(503, "unavailable", str(error), headers=_SOON)
    for kind, problem_of in of.items():
        app.exception_handler(kind)(_answering(problem_of))


def _answering(
    problem_of: Callable[[Request, Any], Problem],
) -> Callable[[Request, Any], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        return render(problem_of(request, error), request.url.path)

    return answer


_SOON: Final = {"retry-after": "1"}
_BUG: Final = (
    "this is a mistake of ours ({}), and the log of the control plane has the trace: please report it"
)


def _of_http(request: Request, error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return Problem(
            404, "not_found", f"there is nothing at {request.url.path}: see /openapi.json", headers=headers
        )
    if error.status_code == 405:
        detail = f"{request.method} does not work on {request.url.path}: it knows {_allowed(headers)}"
        return Problem(405, "method_not_allowed", detail, headers=headers)
    return Problem(error.status_code, "refused", str(error.detail), headers=headers)


def _of_validation(error: RequestValidationError) -> Problem:
    places = [
        {"at": ".".join(str(part) for part in found["loc"]), "is": str(found["msg"])}
        for found in error.errors()
    ]
    first = places[0] if places else {"at": "the request", "is": "not valid"}
    return invalid(f"{first['at']}: {first['is']}; see /openapi.json for what is expected", errors=places)


def _allowed(headers: Mapping[str, str]) -> str:
    known = {name.lower(): value for name, value in headers.items()}
    return known.get("allow", "other methods")
