"""The inside of the child process that folds the past.

Rule: it opens the database for reading only, once, and keeps one event loop; it ignores the terminal's
interrupt, because its parent decides when to stop, and it ends with its parent however that ended. Its only
state is what `open_in_child` left here: a process of its own is what makes that safe.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from pathlib import Path

from interlock_control.past import Question, Told, answer
from interlock_eventlog.log import EventLog
from interlock_views.views import Views


class _Opened:
    """What one child holds."""

    def __init__(self, database: Path, projection: str) -> None:
        from interlock_control.bootstrap import open_for_reading  # noqa: PLC0415 - the parent must not import it here

        self.runner = asyncio.Runner()
        self.projection = projection
        self.log: EventLog
        self.views: Views
        self.log, self.views = open_for_reading(database)


_opened: list[_Opened] = []


def open_in_child(database: str, projection: str) -> None:
    """Run once in the new process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="interlock-parent", daemon=True).start()
    _opened.append(_Opened(Path(database), projection))


def answer_in_child(question: Question) -> Told:
    """Answer one question."""
    here = _opened[0]
    return here.runner.run(answer(here.log, here.views, here.projection, question))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
