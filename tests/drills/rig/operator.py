"""An operator who keeps changing his mind, over HTTP.

Rule: every state he sets ends by itself, so that however a drill ends there are targets again; what was
accepted is counted, what was refused is a finding of the drill that looks for it.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import httpx2

POOLS = ("chat", "spread", "lottery")


class Operator:
    """Acts on targets, providers and members of pools."""

    def __init__(self, admin: httpx2.AsyncClient, draw: random.Random, *, targets: Sequence[str]) -> None:
        self._admin = admin
        self._draw = draw
        self._targets = targets
        self.accepted = 0

    async def keep_acting(self, every_s: float) -> None:
        """One command after another until cancelled."""
        while True:
            method, path, body = self._next()
            answer = await self._admin.request(
                method, path, json=body, headers={"x-interlock-actor": "drill"}
            )
            if answer.status_code not in {200, 404}:  # a member is not in every pool
                raise AssertionError(f"{method} {path} answered {answer.status_code}: {answer.text}")
            self.accepted += answer.status_code == 200
            await asyncio.sleep(every_s)

    def _next(self) -> tuple[str, str, dict[str, Any]]:
        target = self._draw.choice(self._targets)
        state = {
            "state": self._draw.choice(["disabled", "drained"]),
            "expires_in": "900ms",
            "reason": "drill",
        }
        return self._draw.choice(
            [
                ("PUT", f"/targets/{target}/state", state),
                ("PUT", f"/providers/{target.partition('/')[0]}/state", state),
                ("PUT", f"/pools/{self._draw.choice(POOLS)}/members/{target}/state", state),
                (
                    "PUT",
                    f"/targets/{target}/cooldown",
                    {"for": "800ms", "shape": self._draw.choice(["*", "text", "tools"])},
                ),
                ("DELETE", f"/targets/{target}/cooldown", {"reason": "drill"}),
            ]
        )
