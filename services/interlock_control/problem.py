"""Refusals on the wire: RFC 9457 problem documents with a sentence that says what to do next.

Rule: every answer that is not a success is application/problem+json with type, title, status, detail and
typed extensions; handlers raise `Problem` and nothing else. Dropped: a library, because it is 60 lines;
problem types as URLs of a web site, because a URN promises nothing that can go away.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

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


def install(app: FastAPI) -> None:
    """Make every refusal of the application a problem document."""

    @app.exception_handler(Problem)
    async def ours(request: Request, problem: Problem) -> Response:
        return render(problem, request.url.path)

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        return render(_of_http(request, error), request.url.path)

    @app.exception_handler(RequestValidationError)
    async def of_validation(request: Request, error: RequestValidationError) -> Response:
        return render(_of_validation(error), request.url.path)

    @app.exception_handler(UnreadableDecision)
    async def of_an_unreadable_decision(request: Request, error: UnreadableDecision) -> Response:
        return render(Problem(503, "unreadable_decision", str(error)), request.url.path)

    @app.exception_handler(StorageFull)
    async def of_a_full_disk(request: Request, error: StorageFull) -> Response:
        return render(Problem(507, "storage_full", str(error)), request.url.path)

    @app.exception_handler(StorageError)
    async def of_the_store(request: Request, error: StorageError) -> Response:
        return render(Problem(503, "storage", str(error), headers={"retry-after": "1"}), request.url.path)

    @app.exception_handler(Exception)
    async def of_ours(request: Request, error: Exception) -> Response:
        return render(Problem(500, "bug", _BUG.format(type(error).__name__)), request.url.path)


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
