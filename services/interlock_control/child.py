"""The inside of the child process that folds the past.

Rule: it opens what it reads for one question and closes it again, because its loop stands still between two
questions and a connection that nobody tends is soon a dead one; it ignores the terminal's interrupt, because
its parent decides when to stop, and it ends with its parent however that ended. Its only state is what
`open_in_child` left here: a process of its own is what makes that safe.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait

from interlock_control.past import Question, Told, answer
from interlock_control.sources import Source


class _Opened:
    """What one child holds."""

    def __init__(self, source: Source, projection: str) -> None:
        from interlock_control.bootstrap import open_past  # noqa: PLC0415 - the parent must not import it here

        self._runner = asyncio.Runner()
        self._open = open_past
        self._source = source
        self._projection = projection

    def answer(self, question: Question) -> Told:
        """On this child's own loop."""
        return self._runner.run(self._answered(question))

    async def _answered(self, question: Question) -> Told:
        async with self._open(self._source) as (log, views):
            return await answer(log, views, self._projection, question)


_opened: list[_Opened] = []


def open_in_child(source: Source, projection: str) -> None:
    """Run once in the new process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="interlock-parent", daemon=True).start()
    _opened.append(_Opened(source, projection))


def answer_in_child(question: Question) -> Told:
    """Answer one question."""
    return _opened[0].answer(question)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
