"""The port to the past, and the two ways to get there: in this process, or in one child beside it.

Rule: a fold longer than a slice never runs on the loop that serves requests. `ChildPast` starts one process
at the first question, keeps it, and asks one question at a time; it reads and never writes. `LocalPast` is
for stores that live in memory, in tests. Dropped: a thread, because the interpreter lock would make every
request wait; a process per question, because starting one costs more than most folds.
"""

import asyncio
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from interlock_control.child import answer_in_child, open_in_child
from interlock_control.past import Question, Told, answer
from interlock_control.sources import Source
from interlock_eventlog.log import LogReader
from interlock_views.views import Views

_log = logging.getLogger(__name__)


class Past(Protocol):
    """Answers questions about the past."""

    async def ask(self, question: Question) -> Told:
        """Fold, and tell."""
        ...

    async def close(self) -> None:
        """Stop; later questions are an error."""
        ...


class LocalPast:
    """Folds on the caller's loop: for small logs in memory."""

    def __init__(self, log: LogReader, views: Views, projection: str) -> None:
        self._log = log
        self._views = views
        self._projection = projection

    async def ask(self, question: Question) -> Told:
        """Fold, and tell."""
        return await answer(self._log, self._views, self._projection, question)

    async def close(self) -> None:
        """Nothing to stop."""


class ChildPast:
    """Folds in one child process over the same stores."""

    def __init__(self, source: Source, projection: str) -> None:
        self._source = source
        self._projection = projection
        self._child: ProcessPoolExecutor | None = None

    async def ask(self, question: Question) -> Told:
        """Fold, and tell; a child that died is replaced once."""
        try:
            return await self._asked(question)
        except BrokenProcessPool:
            _log.warning("the process that folds the past died and is started again")
            self._child = None
            return await self._asked(question)

    async def close(self) -> None:
        """Stop the child; what it is folding is waited for."""
        child, self._child = self._child, None
        if child is not None:
            await asyncio.to_thread(child.shutdown, cancel_futures=True)

    async def _asked(self, question: Question) -> Told:
        if self._child is None:
            self._child = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=open_in_child,
                initargs=(self._source, self._projection),
            )
        return await asyncio.get_running_loop().run_in_executor(self._child, answer_in_child, question)
