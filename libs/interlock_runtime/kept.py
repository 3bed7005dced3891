"""A part of a process that must go on for as long as the process does.

Rule: a part that ends by a mistake is told with its trace and begins again; a cancellation that nobody asked
for is such a mistake too, since libraries let their own out. Ending the process was dropped: the mistake
would take the other parts with it, and come again with the next one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

_log = logging.getLogger(__name__)

REST_S: Final = 5.0
"""Before a part begins again: a mistake that comes again fills the log slowly."""


async def kept(work: Callable[[], Awaitable[None]], *, part: str, rest_s: float = REST_S) -> None:
    """Run it until it ends by itself or this task is cancelled. `part` names it to whoever reads the log."""
    task = asyncio.current_task()
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            if task is None or task.cancelling():
                raise
            _log.exception("%s was cancelled by nobody and begins again in %g s", part, rest_s)
        except Exception:  # noqa: BLE001  whatever it was, the other parts are well and somebody must know
            _log.exception(
                "%s ended by a mistake of ours and begins again in %g s: please report the trace",
                part,
                rest_s,
            )
        else:
            return
        await asyncio.sleep(rest_s)
