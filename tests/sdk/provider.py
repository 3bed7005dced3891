"""The one provider of both sides: it answers `/<side>/<mode>/<case>/...` by that case's script.

Rule: every case of every side has a count of its own, so ids and answers are the same on both; and what came
is kept as it came, because a gateway that changes a request may still get the right answer. A provider for
each case was dropped: that is a thousand ports for a thousand small scripts.
"""

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from interlock_testing.answers import Step
from interlock_testing.behaviour import healthy
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.voices.asked import Asked
from tests.sdk.literal import Literal, Script

NAME: Final = "atlas"
GATEWAYS_KEY: Final = "sk-of-the-gateway"
_USUAL: Final[Script] = (healthy(),)
_CREDENTIALS: Final = ("authorization", "x-api-key", "api-key", "cookie", "proxy-authorization")
_NOT_COMPARED: Final = frozenset((*_CREDENTIALS, "host", "connection", "accept-encoding"))
"""Credentials are told apart by whose they are; the others belong to one connection (RFC 9110, 7.6.1)."""
LONG: Final = 4_000


class Place(Struct, frozen=True):
    """Who asked: `direct` or `through`, with which client, in which case (its slashes as dashes)."""

    side: str
    mode: str
    case: str


class Heard(Struct):
    """One request; `whole` when the answer was sent to its end."""

    asked: Asked
    whole: bool = False

    def told(self, key: str) -> dict[str, Any]:
        """It as plain JSON, apart from what differs by design; `key` is the credential it should carry."""
        asked = self.asked
        sent = {name: asked.headers[name] for name in _CREDENTIALS if name in asked.headers}
        credentials = sorted(value.removeprefix("Bearer ") for value in sent.values())
        return {
            "path": asked.path,
            "query": asked.query,
            "headers": [[name, value] for name, value in asked.headers.items() if name not in _NOT_COMPARED],
            "credentials": ["its own" if each == key else each for each in credentials],
            "body": _body(asked.body),
            "answered": "whole" if self.whole else "in part",
        }


class CaseProvider(SimulatedProvider):
    """See the module; `scripts` by the name of a case with dashes."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        super().__init__(NAME)
        self._scripts = scripts
        self._places: dict[Place, SimulatedProvider] = {}
        self._heard: dict[Place, list[Heard]] = {}

    def heard_in(self, place: Place) -> list[Heard]:
        """The requests of one case on one side, in the order they came."""
        return self._heard.get(place, [])

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: str = ""
    ) -> Iterator[Step]:
        """See SimulatedProvider."""
        parts = path.split("/", 4)
        if len(parts) < 5:
            return super().answer(method, path, headers, body, query)
        place = Place(*parts[1:4])
        inner = self._places.setdefault(place, SimulatedProvider(NAME))
        script = self._scripts.get(place.case, _USUAL)
        due = script[min(inner.attempts, len(script) - 1)]
        if not isinstance(due, Literal):
            inner.behaviour = due
        steps = inner.answer(method, f"/{parts[4]}", headers, body, query)
        if method != "POST":
            return steps
        heard = Heard(inner.requests[-1])
        self._heard.setdefault(place, []).append(heard)
        return _watched(heard, due.steps() if isinstance(due, Literal) else steps)


def told(heard: Sequence[Heard], key: str) -> dict[str, Any]:
    """How many requests came, and each one that was unlike those before it."""
    requests: list[dict[str, Any]] = []
    for each in heard:
        request = each.told(key)
        if request not in requests:
            requests.append(request)
    return {"times": len(heard), "requests": requests}


def _watched(heard: Heard, steps: Iterator[Step]) -> Generator[Step]:
    """The same steps; when the connection is lost they are dropped, and the last line is not reached."""
    yield from steps
    heard.whole = True


def _body(body: bytes) -> Any:
    if len(body) <= LONG:
        return body.decode(errors="backslashreplace")
    return {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)}
