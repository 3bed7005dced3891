"""Noticing that the cluster has another generation than this process began with.

Rule: a control plane that knows another generation is one of another history: its versions, its fold and its
count of the log are of a journal or a topic that is gone. It says so and ends, and whatever starts it lets it
read everything anew. Dropped: reading anew inside the process; every part of it holds something of before,
and one that is forgotten answers wrongly for weeks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

LOOK_S: Final = 2.0
"""Between two looks: one cheap row, and nobody waits for it but an operator in the middle of a runbook."""


async def another_generation(
    read: Callable[[], Awaitable[int]],
    known: int,
    *,
    away: tuple[type[Exception], ...],
    every_s: float = LOOK_S,
) -> str:
    """The sentence to end with, once there is another one; what is away is asked again."""
    while True:
        await asyncio.sleep(every_s)
        try:
            now = await read()
        except away:
            continue
        if now > known:
            return f"the cluster has generation {now} now and this process began in {known}: start it again"
        if now < known:
            return (
                f"the database says generation {now} and this process began in {known}, so it was put back "
                "to an older copy: follow docs/runbooks/restore.md before you start this process again"
            )
