"""POST over HTTP: one answer's head, within ten seconds, from the address that was named.

Rule: redirects are answers, not directions; the body of an answer is not read; an error is told by its kind,
because the client's own words repeat the address.
"""

from collections.abc import Mapping
from typing import Final

import httpx2

from interlock_protocols.failures.retry_after import retry_after_ms
from interlock_reactors.delivery import Answered, Unanswered

ANSWER_S: Final = 10.0
"""A receiver that works puts an alert into a queue; longer is tried again."""


class HttpPoster:
    """Poster over one client."""

    def __init__(self, *, timeout_s: float = ANSWER_S) -> None:
        self._http = httpx2.AsyncClient(timeout=timeout_s, follow_redirects=False)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """See Poster."""
        try:
            async with self._http.stream("POST", url, content=body, headers=headers) as answer:
                wait_ms = retry_after_ms(lambda name: _first(answer, name))
                return Answered(
                    status=answer.status_code, retry_after_s=None if wait_ms is None else wait_ms / 1000
                )
        except (httpx2.TransportError, httpx2.RequestError, httpx2.InvalidURL) as error:
            raise Unanswered(f"no answer ({type(error).__name__})") from error

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def _first(answer: httpx2.Response, name: bytes) -> bytes | None:
    value = answer.headers.get(name.decode())
    return value.encode("latin-1", "replace") if value is not None else None
