"""What an operator said over HTTP: the request, the event it must have become, and the answer if any.

Rule: each word has a reason of its own, so the log tells whether a word without an answer was heard. Nothing
here is computed by the program under test.
"""

import random
from collections.abc import Sequence
from typing import Any

import httpx2
from msgspec import Struct

SHAPES = ("*", "text", "tools")


class Word(Struct, kw_only=True):
    """`data` is the event's content; `position` and `version` are the answer, None: there was none."""

    reason: str
    method: str
    path: str
    body: dict[str, Any]
    type: str
    data: dict[str, Any]
    position: int | None = None
    version: int | None = None
    recorded_ms: int | None = None
    """From the log; None: it never got there."""

    async def say(self, admin: httpx2.AsyncClient) -> None:
        """Send it and keep the answer; a broken connection leaves it without one."""
        try:
            answer = await admin.request(self.method, self.path, json=self.body)
            if answer.status_code == 200:
                document = answer.json()
                self.position, self.version = document["position"], document["version"]
            elif answer.status_code != 409:
                raise AssertionError(f"{self.path} answered {answer.status_code}: {answer.text}")
        except httpx2.TransportError:
            return


def draw_word(draw: random.Random, reason: str, targets: Sequence[str], pool: str) -> Word:
    """A random word about one of the targets, its provider or its place in the pool."""
    target = draw.choice(targets)
    kind = draw.choice(("target", "provider", "member", "cool", "cool", "lift"))
    if kind == "cool":
        seconds, shape = draw.randint(3, 40), draw.choice(SHAPES)
        body = {"for": f"{seconds}s", "shape": shape, "reason": reason}
        data = {"target": target, "shape": shape, "duration_ms": seconds * 1000}
        return _word(reason, f"/targets/{target}/cooldown", body, "CooldownSet", data)
    if kind == "lift":
        shape = draw.choice(SHAPES)
        word = _word(
            reason,
            f"/targets/{target}/cooldown",
            {"shape": shape, "reason": reason},
            "CooldownLifted",
            {"target": target, "shape": shape},
        )
        word.method = "DELETE"
        return word
    return _state(draw, reason, kind, target, pool)


def _state(draw: random.Random, reason: str, kind: str, target: str, pool: str) -> Word:
    state = draw.choice(("enabled", "disabled", "drained"))
    body: dict[str, Any] = {"state": state, "reason": reason}
    data: dict[str, Any] = {"state": state}
    if state != "enabled" and draw.random() < 0.7:
        seconds = draw.randint(3, 40)
        body["expires_in"] = f"{seconds}s"
        data["expires_in_ms"] = seconds * 1000
    if kind == "target":
        return _word(reason, f"/targets/{target}/state", body, "TargetStateSet", {"target": target} | data)
    if kind == "provider":
        name = target.partition("/")[0]
        return _word(reason, f"/providers/{name}/state", body, "ProviderStateSet", {"provider": name} | data)
    path = f"/pools/{pool}/members/{target}/state"
    return _word(reason, path, body, "MemberStateSet", {"pool": pool, "target": target} | data)


def _word(reason: str, path: str, body: dict[str, Any], type: str, data: dict[str, Any]) -> Word:
    return Word(reason=reason, method="PUT", path=path, body=body, type=type, data=data)
