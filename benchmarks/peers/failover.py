"""What each gateway makes of a target that always fails, when requests come one after another."""

import sys
from collections.abc import Sequence
from typing import Any, Final

import httpx2

from benchmarks.load import BODY, HEADERS
from benchmarks.peers.compared import Asked, Gateway
from benchmarks.peers.upstreams import BrokenProvider

REQUESTS: Final = 1_000


async def failovers(gateways: Sequence[Gateway], broken: BrokenProvider, requests: int) -> dict[str, Any]:
    """By way of failing over: attempts that reached the broken target, and answers that were no 200."""
    found: dict[str, Any] = {}
    for gateway in gateways:
        for way, asked in gateway.failover.items():
            print(f"failover: {way}", file=sys.stderr, flush=True)
            before = broken.attempts
            failed = await _ask(asked, requests)
            found[way] = {
                "requests": requests,
                "attempts at the broken one": broken.attempts - before,
                "errors that the client saw": failed,
            }
    return found


async def _ask(asked: Asked, requests: int) -> int:
    body = (BODY % (asked.model, "")).encode()
    failed = 0
    async with httpx2.AsyncClient(timeout=60, trust_env=False, headers=HEADERS | asked.headers) as http:
        for _ in range(requests):
            answer = await http.post(asked.url, content=body)
            failed += answer.status_code != 200
    return failed
