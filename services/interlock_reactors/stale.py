"""Watching the state feed: when no commit comes any more, gateways decide by an old snapshot.

Rule: a commit comes at least each second, so silence says that the projector, Kafka or the way between is
away; what is counted is the time since one came by here, on our own monotonic clock. Its end is told too, and
both carry the version they speak of as their id. Dropped: asking the projector, which may well be alive and
unable to publish.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Final

from interlock_domain.rows import CommitRow, version_text
from interlock_feed.order import follows
from interlock_feed.wire import decode
from interlock_reactors.alert import STALE, Notice, notice
from interlock_runtime.kafka.reader import TopicReader, Unreachable
from interlock_runtime.trouble import Trouble

STALE_S: Final = 15.0
"""The failover of a broker takes up to 9 s and a new owner of the projection 4: neither is worth a page."""
LOOK_S: Final = 0.5
ASK_S: Final = 2.0
"""Without a record for so long the brokers are asked a question: a client that cannot fetch says nothing."""
PAGE: Final = 500

_log = logging.getLogger(__name__)

Tell = Callable[[Notice], Coroutine[None, None, None]]


class Silence:
    """Pure: what commits and passing time mean. Times are monotonic seconds."""

    def __init__(self, source: str, now: float, *, stale_s: float = STALE_S) -> None:
        self._source = source
        self._since = now
        self._stale_s = stale_s
        self._held: CommitRow | None = None
        self._told: str | None = None

    @property
    def stale(self) -> bool:
        """It was told and is not over."""
        return self._told is not None

    def commit(self, commit: CommitRow, now: float) -> Notice | None:
        """One came; the end of a silence is told."""
        if not follows(commit, self._held):
            return None
        self._held, self._since = commit, now
        if self._told is None:
            return None
        told, self._told = self._told, None
        return self._notice(f"{told}:over", state="fresh")

    def look(self, now: float) -> Notice | None:
        """Nothing came for how long; told once."""
        if self._told is not None or now - self._since < self._stale_s:
            return None
        self._told = f"stale:{self._version}"
        return self._notice(self._told, state="stale")

    @property
    def _version(self) -> str:
        return version_text(self._held.generation, self._held.position) if self._held else "none"

    def _notice(self, id: str, *, state: str) -> Notice:
        data = {"kind": "FeedStale" if state == "stale" else "FeedFresh", "version": self._version}
        at_ms = self._held.log_ms if self._held else 0
        return notice(id, STALE, subject="feed", at_ms=at_ms, source=self._source, data=data)


class StaleWatch:
    """Follows the commits of a state topic, until cancelled."""

    def __init__(
        self, reader: Callable[[], TopicReader], tell: Tell, *, source: str, stale_s: float = STALE_S
    ) -> None:
        self._reader = reader
        self._tell = tell
        self._silence = Silence(source, time.monotonic(), stale_s=stale_s)
        self._telling: set[asyncio.Task[None]] = set()
        self._trouble = Trouble(_log, "watching the state feed", monotonic=time.monotonic)
        self.trouble: str | None = None

    @property
    def stale(self) -> bool:
        """Nothing has come for too long."""
        return self._silence.stale

    async def run(self) -> None:
        """Until cancelled."""
        following = asyncio.create_task(self._follow())
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if following.done():
                    following.result()  # it ends by a mistake of ours alone
                self._say(self._silence.look(time.monotonic()))
        finally:
            for task in (following, *self._telling):
                task.cancel()
            await asyncio.gather(following, *self._telling, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            reader = self._reader()
            try:
                await reader.start()
                reader.seek(max(await reader.begin(), await reader.end() - 1))
                while True:
                    await self._step(reader)
            except Unreachable as error:
                self.trouble = str(error)
                self._trouble.is_on(error)
            finally:
                await reader.close()
            await asyncio.sleep(LOOK_S)

    async def _step(self, reader: TopicReader) -> None:
        records = await reader.fetch(PAGE, ASK_S)
        if not records:
            await reader.end()
        self.trouble = None
        self._trouble.is_over()
        for record in records:
            found = decode(record.key, record.value, record.headers)
            if isinstance(found, CommitRow):
                self._say(self._silence.commit(found, time.monotonic()))

    def _say(self, told: Notice | None) -> None:
        """Beside the watching: a receiver that is slow must not make the feed look silent."""
        if told is not None:
            task = asyncio.create_task(self._tell(told))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
