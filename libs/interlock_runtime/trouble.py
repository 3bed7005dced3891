"""Something outside that is away: said once when it begins and once when it ends, however often it is tried.

A line for each try fills a disk during the very outage that somebody has to read about.
"""

import logging
from collections.abc import Callable
from typing import Final

AGAIN_S: Final = 60.0
"""A trouble that stays is said again this often, so that the newest page of a log shows it."""


class Trouble:
    """Of one thing, `what`. Times are monotonic seconds."""

    def __init__(self, log: logging.Logger, what: str, *, monotonic: Callable[[], float]) -> None:
        self._log = log
        self._what = what
        self._monotonic = monotonic
        self._began: float | None = None
        self._said = 0.0

    def is_on(self, why: object) -> None:
        """It failed (again)."""
        now = self._monotonic()
        if self._began is None:
            self._began = now
        elif now - self._said < AGAIN_S:
            return
        self._said = now
        self._log.warning("%s: %s; trying again until it works", self._what, str(why).rstrip("."))

    def is_over(self) -> None:
        """It worked."""
        if self._began is None:
            return
        self._log.warning("%s: works again after %.1f s", self._what, self._monotonic() - self._began)
        self._began = None
