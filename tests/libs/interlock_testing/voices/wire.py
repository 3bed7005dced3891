"""What a provider would send, without a socket, and what an event stream says."""

import json
from typing import Any

from interlock_testing.answers import Act, Step, steps
from interlock_testing.behaviour import Behaviour, healthy
from interlock_testing.voices.asked import read_asked
from interlock_testing.voices.paths import api_of

Event = tuple[str, Any]

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
ARGUMENTS = {"city": "atlas", "days": 1}
"""What atlas calls a tool with this schema with."""


def stepped(path: str, body: bytes, behaviour: Behaviour | None = None, *, n: int = 1) -> list[Step]:
    """All steps of one answer."""
    api = api_of(path)
    assert api is not None
    return list(steps("atlas", read_asked(n, api, path, {}, body), behaviour or healthy()))


def sent(path: str, body: bytes, behaviour: Behaviour | None = None, *, n: int = 1) -> list[bytes | Act]:
    """Each write and act of one answer."""
    return [what for _, what in stepped(path, body, behaviour, n=n) if what != b""]


def wire(path: str, body: bytes, behaviour: Behaviour | None = None, *, n: int = 1) -> bytes:
    """All bytes of an answer without an act."""
    found = sent(path, body, behaviour, n=n)
    assert not any(isinstance(what, Act) for what in found), found
    return b"".join(what for what in found if isinstance(what, bytes))


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, chunks put together."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, _unchunked(rest) if "transfer-encoding" in headers else rest


def _unchunked(rest: bytes) -> bytes:
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            assert rest == b""
    return body


def events(body: bytes) -> list[Event]:
    """Name and data of each event; data that is no JSON stays text."""
    found: list[Event] = []
    for block in body.decode().removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields["data"]
        try:
            found.append((fields.get("event", ""), json.loads(data)))
        except ValueError:
            found.append((fields.get("event", ""), data))
    return found


def request(*, stream: bool = False, **fields: Any) -> bytes:
    """A request body that every path can read."""
    return json.dumps({"model": "m-1", "stream": stream} | fields).encode()
