"""The state feed from a control plane: for gateways that cannot reach Kafka.

Rule: it reads ahead of whoever follows and keeps what comes by key, so a slow follower gets it in one piece;
a commit is believed only when its digest is that of the rows held, and nothing older than what was told is
ever told. When the connection ends it comes back, naming the version it holds, and gets the difference; a
digest that stays wrong for two seconds makes it ask for the whole table, and what is held stays in force
meanwhile. The control plane passes on the commits of the projector, so any one of them will do. Dropped:
asking again and again with a condition, a round trip late on each change.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx2

from interlock_domain.rows import CommitRow, version_text
from interlock_feed.feed import FeedUpdate
from interlock_feed.http_stream import BadStream, StreamReader
from interlock_feed.staging import Staging, StampedRow, stamp_of
from interlock_runtime.trouble import Trouble
from interlock_runtime.wake import Wake

_log = logging.getLogger(__name__)

PATH: Final = "/admin/v1/feed"
CONNECT_S: Final = 5.0
SILENT_S: Final = 15.0
"""Three signs of life of the control plane: then nobody is there any more, whatever the connection says."""
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 10.0
"""Between two tries while a control plane is away: a thousand gateways then ask a hundred times a second."""
REPAIR_S: Final = 2.0
"""For a wrong digest to become right by itself: commits come each second."""
STAYS: Final = "what is held stays in force"
SENTENCES: Final = {
    401: "it asks for its token: set INTERLOCK_ADMIN_TOKEN to the one of the control plane",
    404: "there is no state feed: INTERLOCK_FEED is the address of a control plane, without a path behind it",
}


class Refused(Exception):
    """The control plane answers, and gives no feed."""


class HttpFeed:
    """FeedReader over `GET /admin/v1/feed`; `control`: the address of one or of many control planes."""

    def __init__(
        self,
        control: str,
        token: str | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        repair_s: float = REPAIR_S,
        silent_s: float = SILENT_S,
    ) -> None:
        self._url = control.rstrip("/") + PATH
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._monotonic = monotonic
        self._repair_s = repair_s
        self._silent_s = silent_s
        self.newest: CommitRow | None = None
        """The newest commit that was proved, told or not yet."""

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        """See FeedReader; goes on for ever, through every outage of the control plane."""
        following = _Following(self._monotonic, self._repair_s)
        reading = asyncio.create_task(self._read(following))
        reading.add_done_callback(lambda _: following.wake.ring())
        try:
            while not reading.done():
                update = following.take()
                if update is None:
                    await following.wake.wait()
                else:
                    yield update
            reading.result()  # a mistake of ours: raised where it is waited for
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, following: "_Following") -> None:
        trouble = Trouble(_log, f"the state feed at {self._url}", monotonic=time.monotonic)
        limits = httpx2.Timeout(CONNECT_S, read=self._silent_s)
        async with httpx2.AsyncClient(headers=self._headers, timeout=limits, trust_env=False) as client:
            wait = FIRST_WAIT_S
            while True:
                try:
                    async for commit in self._stream(client, following):
                        self.newest, wait = commit, FIRST_WAIT_S
                        trouble.is_over()
                    trouble.is_on(f"it ended the stream; {STAYS}")
                except (httpx2.HTTPError, httpx2.InvalidURL, OSError, BadStream, Refused) as failure:
                    trouble.is_on(f"{str(failure) or type(failure).__name__}; {STAYS}")
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))
                wait = min(2 * wait, LONGEST_WAIT_S)

    async def _stream(self, client: httpx2.AsyncClient, following: "_Following") -> AsyncIterator[CommitRow]:
        """The commits that one connection proved; ends when the table has to be asked for anew."""
        async with client.stream("GET", self._url, params=following.wanted()) as answer:
            if answer.status_code != httpx2.codes.OK:
                said = SENTENCES.get(answer.status_code, f"it answers {answer.status_code}")
                raise Refused(said)
            stream = StreamReader()
            async for piece in answer.aiter_bytes():
                for update in stream.feed(piece):
                    if following.apply(update):
                        yield update.commit
                if following.is_overdue():
                    return


class _Following:
    """One follower's table, over all its connections."""

    def __init__(self, monotonic: Callable[[], float], repair_s: float) -> None:
        self._monotonic = monotonic
        self._repair_s = repair_s
        self._wrong_since: float | None = None
        self._told: CommitRow | None = None
        self.staging = Staging()
        self.wake = Wake()

    def wanted(self) -> dict[str, str]:
        """What to ask for: nothing older than what is held; the whole table when that is wrong."""
        query = {"cluster": "true"}
        proved = self.staging.proved or self._told
        if proved is not None:
            query["after"] = version_text(proved.generation, proved.position)
        if self.staging.proved is None or self.staging.unproved is not None:
            query["whole"] = "true"
        return query

    def take(self) -> FeedUpdate | None:
        """What became true since the last call."""
        update = self.staging.take()
        if update is not None:
            self._told = update.commit
        return update

    def apply(self, update: FeedUpdate) -> bool:
        """Take over what came; True when it is proved."""
        now, commit = self._monotonic(), update.commit
        if update.whole:
            self.staging = Staging(self._told)
        for key, payload in update.rows.items():
            self.staging.row(StampedRow(key=key, payload=payload, stamp=stamp_of(commit)), now)
        proved = self.staging.commit(commit, now)
        if proved:
            if update.whole and commit == self._told:
                self.staging.is_known()  # told again it would look fresh
            self.wake.ring()
        return proved

    def is_overdue(self) -> bool:
        """Whether a wrong digest stayed wrong; says so."""
        wrong, now = self.staging.unproved, self._monotonic()
        if wrong is None:
            self._wrong_since = None
            return False
        if self._wrong_since is None:
            self._wrong_since = now
        if now - self._wrong_since < self._repair_s:
            return False
        self._wrong_since = None
        _log.warning(
            "the rows of snapshot %s are not the ones that were promised: asking for the whole table, and "
            f"{STAYS}",
            version_text(wrong.generation, wrong.position),
        )
        return True
