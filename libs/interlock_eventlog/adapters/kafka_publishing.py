"""Publishing facts: everything that waits goes in one send, in the order it came.

Rule: while one send is under way the next one gathers, so a busy gateway costs one round trip for all its
reports and an idle one waits for nobody. A fact that this process published before stands once: its id is
remembered with its place. Another process's copies are dropped by the fold. Remembering all ids was dropped:
whoever sends again does so within seconds, after a failure.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from interlock_domain.recorded import NewEvent
from interlock_eventlog.codec import Codec
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import Unsent

REMEMBERED: Final = 8_192
"""Ids: a minute of a busy gateway's facts, longer than anything is sent again; about 1 MB."""


class Sender(Protocol):
    """What publishing asks of `KafkaSender`."""

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """All acknowledged, in order, or Unsent."""
        ...


class _Turn:
    """The records of one send, by id; `sent` gets their positions, or what went wrong."""

    def __init__(self) -> None:
        self.records: dict[str, OutRecord] = {}
        self.sent: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        self.sent.add_done_callback(lambda future: future.cancelled() or future.exception())


class FactPublisher:
    """Sends facts to the events topic; `clock` stamps them where the broker does not, in tests."""

    def __init__(
        self, sender: Sender, topic: str, codec: Codec, *, clock: Callable[[], int] | None = None
    ) -> None:
        self._sender = sender
        self._topic = topic
        self._codec = codec
        self._clock = clock
        self._known: OrderedDict[str, int] = OrderedDict()
        self._under_way: _Turn | None = None
        self._gathering: _Turn | None = None
        self._sending: asyncio.Task[None] | None = None

    async def put(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """The position of the last of them, once all are acknowledged; Unsent when any may be missing."""
        waits: list[_Turn] = []
        places: dict[str, int] = {}
        for new in facts:
            place = self._known.get(new.id)
            if place is not None:
                places[new.id] = place
                continue
            turn = self._turn_of(stream, new)
            if turn not in waits:
                waits.append(turn)
        for turn in waits:
            places |= await asyncio.shield(turn.sent)
        return places[facts[-1].id]

    async def close(self) -> None:
        """Until what was given is sent or refused; a send has an end."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    def _turn_of(self, stream: str, new: NewEvent) -> _Turn:
        if self._under_way is not None and new.id in self._under_way.records:
            return self._under_way
        if self._gathering is None:
            self._gathering = _Turn()
        if new.id not in self._gathering.records:
            self._gathering.records[new.id] = self._record(stream, new)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return self._gathering

    async def _send(self) -> None:
        while self._gathering is not None:
            turn, self._gathering = self._gathering, None
            self._under_way = turn
            try:
                sent = await self._sender.send(self._topic, list(turn.records.values()))
            except Unsent as error:
                turn.sent.set_exception(error)
            except BaseException:
                turn.sent.cancel()
                raise
            else:
                places = {name: one.offset + 1 for name, one in zip(turn.records, sent, strict=True)}
                self._remember(places)
                turn.sent.set_result(places)
            finally:
                self._under_way = None

    def _remember(self, places: dict[str, int]) -> None:
        self._known.update(places)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _record(self, stream: str, new: NewEvent) -> OutRecord:
        """A CloudEvent in binary mode, with the envelope as its value."""
        traced = (("traceparent", new.traceparent.encode()),) if new.traceparent is not None else ()
        return OutRecord(
            key=stream.encode(),
            value=self._codec.encode(new, stream),
            headers=(
                ("ce_specversion", b"1.0"),
                ("ce_id", new.id.encode()),
                ("ce_type", type(new.event).__name__.encode()),
                ("ce_source", f"/interlock/{stream}".encode()),
                *traced,
            ),
            timestamp_ms=self._clock() if self._clock is not None else None,
        )
