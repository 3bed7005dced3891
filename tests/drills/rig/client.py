"""A plain client of the gateway: many requests at little cost, and nothing that repairs or retries."""

import json
from typing import Any, Final

from msgspec import Struct

from interlock_upstream.client import HttpClient
from interlock_upstream.errors import UpstreamFailed
from interlock_upstream.limits import Limits
from interlock_upstream.origin import Origin
from interlock_upstream.request import PhaseLimits, UpstreamRequest, build_head

LIMITS: Final = PhaseLimits(connect_s=5.0, headers_s=30.0)
IDLE_S: Final = 30.0
TOOL: Final = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}},
}


class Answer(Struct, frozen=True):
    """What came back; `status` 0: no head, `whole` False: the body broke off."""

    status: int
    request_id: str = ""
    body: bytes = b""
    whole: bool = True
    snapshot: str = ""
    """Version of the snapshot that the gateway routed by."""


class ChatClient:
    """Sends chat requests to one address over kept-alive connections."""

    def __init__(self, url: str) -> None:
        self._origin, base = Origin.parse(url)
        self._path = base + b"/chat/completions"
        self._client = HttpClient(limits=Limits(max_connections=4_000))

    async def ask(self, model: str, *, stream: bool = False, tools: bool = False) -> Answer:
        """One request, read to its end."""
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        asked |= ({"stream": True} if stream else {}) | ({"tools": [TOOL]} if tools else {})
        body = json.dumps(asked).encode()
        head = build_head(
            b"POST",
            self._path,
            self._origin.authority,
            b"content-type: application/json\r\n",
            content_length=len(body),
        )
        try:
            response = await self._client.send(UpstreamRequest(self._origin, head, body), LIMITS)
        except UpstreamFailed:
            return Answer(0, whole=False)
        pieces, whole = [], True
        try:
            while (piece := await response.next(IDLE_S)) is not None:
                pieces.append(piece)
        except UpstreamFailed:
            whole = False
        finally:
            response.release()
        request_id = (response.header(b"x-request-id") or b"").decode()
        snapshot = (response.header(b"x-interlock-snapshot") or b"").decode()
        return Answer(response.status, request_id, b"".join(pieces), whole, snapshot)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()
