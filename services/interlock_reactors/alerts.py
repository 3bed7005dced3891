"""The alert reactor: a lane for each receiver of the configuration, opened and closed as that changes.

Rule: a receiver whose declaration changed gets a new lane and keeps its group, so it goes on where it was. A
lane's failure is its own. Dropped: one group for all receivers, where the slowest decides for everybody.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from interlock_reactors.alert import Notice, wants
from interlock_reactors.delivery import Told
from interlock_reactors.lane import Lane
from interlock_reactors.receivers import Receiver, Receivers
from interlock_reactors.subscription import Place, Subscription
from interlock_runtime.trouble import Trouble

LOOK_S: Final = 2.0
"""Between two looks at the journal: one indexed question."""

_log = logging.getLogger(__name__)


class Open(Struct, frozen=True):
    """A lane that runs."""

    lane: Lane
    reading: Subscription
    task: asyncio.Task[None]


class Alerts:
    """`lane_of` makes a lane, `reading_of` its place in the topics."""

    def __init__(
        self,
        receivers: Receivers,
        *,
        lane_of: Callable[[Receiver], Lane],
        reading_of: Callable[[Place, Lane], Subscription],
        away: tuple[type[Exception], ...],
    ) -> None:
        self._receivers = receivers
        self._lane_of = lane_of
        self._reading_of = reading_of
        self._away = away
        self._trouble = Trouble(_log, "reading who is to be alerted", monotonic=time.monotonic)
        self._arranged = asyncio.Event()
        self.open: dict[str, Open] = {}
        self.trouble: str | None = "the configuration has not been read yet"

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self._arrange(await self._receivers.look())
                    self._arranged.set()
                    self.trouble = None
                    self._trouble.is_over()
                except self._away as error:
                    self.trouble = str(error)
                    self._trouble.is_on(error)
                await asyncio.sleep(LOOK_S)
        finally:
            await self._close(list(self.open))

    async def tell(self, told: Notice) -> None:
        """Tell every receiver that asked for it, side by side; what stands on no topic is not kept.

        Before the receivers are known it waits for them: it would be told to nobody, and never again.
        """
        await self._arranged.wait()

        async def one(lane: Lane) -> None:
            outcome = await lane.tell(told)
            if not isinstance(outcome, Told):
                _log.warning("%s was not told of %s: %s", lane.receiver.name, told.id, outcome.detail)

        lanes = [each.lane for each in self.open.values() if wants(each.lane.receiver.alert, told.word)]
        await asyncio.gather(*(one(lane) for lane in lanes))

    async def _arrange(self, receivers: tuple[Receiver, ...]) -> None:
        wanted = {one.alert.url: one for one in receivers}
        for each in self.open.values():
            if each.task.done():
                each.task.result()  # it ends by a mistake of ours alone, and that is not hidden
        gone = [url for url, each in self.open.items() if wanted.get(url) != each.lane.receiver]
        await self._close(gone)
        for url, receiver in wanted.items():
            if url not in self.open:
                lane = self._lane_of(receiver)
                reading = self._reading_of(Place(topics=lane.reads, group=lane.group), lane)
                self.open[url] = Open(lane, reading, asyncio.create_task(reading.run()))
                _log.info("alerts go to %s", receiver.name)

    async def _close(self, urls: list[str]) -> None:
        tasks = [self.open.pop(url).task for url in urls]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
