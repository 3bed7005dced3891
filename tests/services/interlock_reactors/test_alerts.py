"""Who is told of what stands on no topic, over fakes of the journal and the receiver."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

from interlock_domain.catalog.key import Alert
from interlock_domain.events import ConfigApplied
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.adapters.memory_kept_letters import MemoryLetterKeeper
from interlock_reactors.alerts import Alerts
from interlock_reactors.delivery import Answered, Delivery
from interlock_reactors.keeping import FAMILY, Keeping
from interlock_reactors.lane import Lane
from interlock_reactors.receivers import Receiver, Receivers
from interlock_reactors.stale import Silence
from interlock_reactors.subscription import Place, Subscription
from interlock_runtime.kafka.connection import Topics
from interlock_testing.waiting import until

URL = "https://hooks.example.com/secret-path"


class OneConfig:
    """A journal with one configuration, which names a receiver of silences."""

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> Sequence[RecordedEvent]:
        alerts = (Alert(url=URL, on=("stale",)),)
        event = ConfigApplied(revision=1, base_revision=0, digest="d", origin="api", alerts=alerts)
        recorded = RecordedEvent(
            position=1, recorded_ms=1_000, stream="config", version=1, id="1", event=event
        )
        return [recorded][after:]

    async def log_position(self, position: int, timeout_s: float) -> int | None:
        return position


class Post:
    """Takes everything."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        self.ids.append(headers["webhook-id"])
        return Answered(status=200)


class Unread:
    """A place in the topics at which nothing stands."""

    async def run(self) -> None:
        await asyncio.Event().wait()


async def test_a_silence_from_before_the_receivers_are_known_is_told_once_they_are():
    post = Post()
    delivery, keeping = Delivery(post, {}, wall_s=lambda: 1.0), Keeping(MemoryLetterKeeper(FAMILY), away=())

    def lane_of(receiver: Receiver) -> Lane:
        return Lane(receiver, Topics("t"), delivery=delivery, keeping=keeping)

    def reading_of(place: Place, lane: Lane) -> Subscription:
        return cast("Subscription", Unread())

    alerts = Alerts(Receivers(OneConfig()), lane_of=lane_of, reading_of=reading_of, away=())
    silent = Silence("t", 0.0, stale_s=3.0).look(3.0)
    assert silent is not None
    telling = asyncio.create_task(alerts.tell(silent))
    await asyncio.sleep(0)
    running = asyncio.create_task(alerts.run())
    try:
        await until(lambda: post.ids, timeout_s=20, what="the receiver to be told")
        await telling
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert post.ids == [silent.id]
