"""Stopping: the first signal asks, the second one ends.

Rule: the first SIGINT or SIGTERM sets an event that the process waits for; the second exits with status
130 at once, without finalizers, since whoever sends it has seen the orderly stop hang.
"""

import asyncio
import os
import signal
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
IMPATIENT_STATUS: Final = 130
"""128 + SIGINT, what shells show for an interrupted command."""


class Shutdown:
    """The wish to stop. `asked` is set once and stays set."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def install(self) -> None:
        """Take over the signals of this process; call within the running loop."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.ask)

    def restore(self) -> None:
        """Give the signals back to Python's own handling."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def ask(self) -> None:
        """What a signal does; also how a process stops itself."""
        if self.asked.is_set():
            os._exit(IMPATIENT_STATUS)
        self.asked.set()

    async def wait(self) -> None:
        """Until somebody wants the process to stop."""
        await self.asked.wait()
