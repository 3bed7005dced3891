"""Ending a client of Kafka whatever state it is in: in time, and without ending who asked for it.

Rule: what a client does at its end runs in a task of its own. With the broker away it cancels its own work
and lets that cancellation out, where it would look like ours: a gateway's follower once ended that way,
without a word. Suppressing it in the caller's task was dropped: nobody could tell it from a real one.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def ended(ending: Coroutine[Any, Any, Any], limit_s: float) -> bool:
    """Whether it came to its end by itself, and within that time; else it is cancelled and left alone."""
    task = asyncio.ensure_future(ending)
    # Given up below, it may still fail later: nobody would look, and asyncio would report a mistake of ours.
    task.add_done_callback(lambda one: one.cancelled() or one.exception())
    done, _ = await asyncio.wait([task], timeout=limit_s)
    if not done:
        task.cancel()
        return False
    return not task.cancelled() and task.exception() is None
