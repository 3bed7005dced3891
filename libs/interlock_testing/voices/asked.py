"""A request as the simulated provider saw it.

Rule: any bytes are a request; what cannot be read is as if it were absent, since a provider in a test of bad
input must not be what fails. Refusing in the vendor's words was dropped: `Behaviour` says what is refused.
"""

import json
from typing import Any

from msgspec import Struct

from interlock_domain.words import Api


class Asked(Struct, frozen=True, kw_only=True):
    """A request as the provider saw it. `n` counts inference requests from 1; `path` has no `query`."""

    n: int
    api: Api
    path: str
    model: str
    stream: bool
    tools: bool
    include_usage: bool
    headers: dict[str, str]
    body: bytes
    query: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The body once more, read at each call: 10,000 requests are kept, and chat needs only the above."""
        return read_fields(self.body)


def read_asked(
    n: int, api: Api, path: str, headers: dict[str, str], body: bytes, *, query: str = ""
) -> Asked:
    """Read what every API has under the same names."""
    request = read_fields(body)
    options = request.get("stream_options")
    return Asked(
        n=n,
        api=api,
        path=path,
        model=str(request.get("model", "")),
        stream=bool(request.get("stream")),
        tools=bool(request.get("tools") or request.get("functions")),
        include_usage=isinstance(options, dict) and bool(options.get("include_usage")),
        headers=headers,
        body=body,
        query=query,
    )


def read_fields(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, empty where it is none."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}
