"""People who look into the past: `state --at` in a loop, and a client that pages through all events.

A process of its own, so that what it costs to ask is not charged to the client that measures.

    python -m tests.drills.rig.asker http://127.0.0.1:8081 10     asks for 10 s, prints what it got
"""

import asyncio
import json
import random
import re
import sys
from time import monotonic
from typing import Final

import httpx2

PAGE: Final = 1_000
_NEXT: Final = re.compile(rb'"next":(\d+)\}$')


async def ask(control: str, seconds: float, seed: int = 1) -> dict[str, int]:
    """Ask both questions again and again; how often they were answered."""
    ends, found = monotonic() + seconds, {"states": 0, "pages": 0, "rounds through all events": 0}
    draw = random.Random(seed)
    async with httpx2.AsyncClient(base_url=f"{control}/admin/v1", trust_env=False, timeout=60) as client:
        head = (await client.get("/projections")).json()[0]["head"]

        async def states() -> None:
            while monotonic() < ends:
                answer = await client.get("/state", params={"at": str(draw.randint(1, head))})
                answer.raise_for_status()
                found["states"] += 1

        async def pages() -> None:
            after = 0
            while monotonic() < ends:
                answer = await client.get("/events", params={"after": after, "limit": PAGE})
                answer.raise_for_status()
                found["pages"] += 1
                more = _NEXT.search(answer.content)
                after = int(more[1]) if more is not None else 0
                found["rounds through all events"] += more is None

        await asyncio.gather(states(), pages())
    return found


def main() -> None:
    """Ask for a while."""
    print(json.dumps(asyncio.run(ask(sys.argv[1], float(sys.argv[2])))))


if __name__ == "__main__":
    main()
