"""Who may ask: the admin token, as a bearer token on everything but the two probes.

Rule: where a token is set, every request shows it, from this machine too, because a proxy beside us is on
this machine for all of its clients. Compared in constant time, told to nobody, and a control plane that
other machines can reach does not start without one. Dropped: trusting the client's address.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request, Response

from interlock_control.problem import Problem, render
from interlock_runtime.listen import is_loopback

OPEN: Final = frozenset(("/healthz", "/readyz"))
"""What an orchestrator asks before it has any secret."""
_SCHEME: Final = "bearer"


def unusable_token(host: str, token: str | None) -> str | None:
    """Why a control plane may not listen on this host with this token; None when it may."""
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        return "INTERLOCK_ADMIN_TOKEN holds characters that no header can carry: use letters and digits"
    if token or is_loopback(host):
        return None
    return (
        f"a control plane on {host} can be reached by other machines and has no token: set "
        "INTERLOCK_ADMIN_TOKEN, or listen with --host 127.0.0.1"
    )


def guard(app: FastAPI, token: str) -> None:
    """Answer 401 to whoever does not show the token."""
    wanted = token.encode()

    @app.middleware("http")
    async def guarded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path in OPEN or _shows(request.headers.get("authorization"), wanted):
            return await answer(request)
        problem = Problem(
            401,
            "token_required",
            "this control plane asks for its token: send `Authorization: Bearer <token>`; the command line "
            "takes it from INTERLOCK_ADMIN_TOKEN",
            headers={"www-authenticate": 'Bearer realm="interlock"'},
        )
        return render(problem, request.url.path)


def _shows(header: str | None, wanted: bytes) -> bool:
    scheme, _, given = (header or "").partition(" ")
    same = hmac.compare_digest(given.strip().encode("latin-1", "replace"), wanted)
    return same and scheme.lower() == _SCHEME
