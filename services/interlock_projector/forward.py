"""What a projection wrote down for readers outside, on its way to their topic: effects and dead letters.

Rule: in log order, marked after the acknowledgement, and only by the projection in force; so a rebuild beside
it pages nobody, and a crash repeats a record and loses none. An effect's id is (projection, position, n), a
letter's its place in the topic it came from. Dropped: sending from the commit's own path, where a slow broker
would hold up the views.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from interlock_domain.projection.effects import Effect
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.trouble import Trouble
from interlock_runtime.wake import Wake
from interlock_views.lease import Lease
from interlock_views.outgoing import Outgoing, UntoldLetter

PAGE: Final = 500
"""Records a send: some 100 KB of effects."""
LETTERS: Final = 20
"""Letters a send: with COPY_BYTES each they fit what a sender takes at once."""
COPY_BYTES: Final = 200_000
"""Of a letter's value; the rest stays in the database. A record of a mebibyte and our headers beside its own
would be larger than a topic takes, and the copy would be tried for ever."""
LOOK_S: Final = 5.0
"""Between two looks when nothing was noticed: what a former owner left is told so much later."""
AGAIN_S: Final = 1.0
"""After a failure: an alert that is a second late is on time."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Sender(Protocol):
    """What is asked of `KafkaSender`."""

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """All acknowledged, in order, or Unsent."""
        ...


class Route(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What goes where: `name` stands in the process's log."""

    name: str
    topic: str
    record_of: Callable[[str, T], OutRecord]
    page: int = PAGE


class Forwarder(Generic[T]):
    """Tells what one owner committed; `notice` after a commit, `run` until cancelled."""

    def __init__(
        self,
        outgoing: Outgoing[T],
        sender: Sender,
        route: Route[T],
        *,
        lease: Lease,
        away: tuple[type[Exception], ...],
    ) -> None:
        self._outgoing = outgoing
        self._sender = sender
        self._route = route
        self._lease = lease
        self._away = away
        self._wake = Wake()
        self._news = True
        self._trouble = Trouble(_log, f"publishing {route.name}", monotonic=time.monotonic)

    def notice(self) -> None:
        """Something was committed."""
        self._news = True
        self._wake.ring()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._tell()
                self._trouble.is_over()
            except self._away as error:
                self._trouble.is_on(error)
                await asyncio.sleep(AGAIN_S)
                continue
            await self._wake.until(lambda: self._news, LOOK_S)

    async def _tell(self) -> None:
        self._news = False
        route, projection = self._route, self._lease.projection
        while found := await self._outgoing.untold(projection, route.page):
            await self._sender.send(route.topic, [route.record_of(projection, one) for one in found])
            noted = await self._outgoing.told(projection, self._lease.epoch, found)
            if not noted or len(found) < route.page:
                return


def record_of_effect(projection: str, effect: Effect) -> OutRecord:
    """An effect as it travels; the partition is the subject's, so that its effects stay in order."""
    return OutRecord(
        key=effect.subject.encode(),
        value=msgspec.json.encode(effect),
        headers=(("id", f"{projection}:{effect.position}:{effect.n}".encode()),),
        partition=None,
    )


def record_of_letter(projection: str, letter: UntoldLetter) -> OutRecord:
    """A letter's copy: key and value as they came, and why it was passed over."""
    value, headers = letter.value, [*letter.headers]
    if sum(len(name) + len(content) for name, content in headers) > COPY_BYTES:
        headers = []
    told = {
        "id": f"{letter.topic}:{letter.partition}:{letter.offset}",
        "consumer": projection,
        "reason": letter.reason,
        "detail": letter.detail[:1_000],
    }
    if value is not None and len(value) > COPY_BYTES:
        told["cut_from"] = str(len(value))
        value = value[:COPY_BYTES]
    ours = [(f"dead_{name}", text.encode()) for name, text in told.items()]
    return OutRecord(key=_short(letter.key), value=value, headers=(*ours, *headers), partition=None)


def _short(key: bytes | None) -> bytes | None:
    return None if key is None else key[:COPY_BYTES]
