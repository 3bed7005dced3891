"""The reactors of one process: what runs beside what, and how it looks from outside.

Rule: each part waits for what it needs by itself, so none holds up another; one that ends by a mistake of
ours ends the process, which its supervisor starts again at the acknowledged place.
"""

import asyncio
from collections.abc import Iterable

from msgspec import Struct

from interlock_reactors.alerts import Alerts
from interlock_reactors.keeping import Keeping
from interlock_reactors.sink import Sink
from interlock_reactors.stale import StaleWatch
from interlock_reactors.subscription import Subscription
from interlock_reactors.told import Teller
from interlock_runtime.health import Metric, labels


class Parts(Struct, frozen=True, kw_only=True):
    """What one process runs."""

    alerts: Alerts
    sink: Sink
    reading: Subscription
    """Of the sink."""
    teller: Teller
    watch: StaleWatch
    keeping: Keeping


class Reactors:
    """`run` until `stop`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`; raises what a part raised."""
        parts = self._parts
        runs = (parts.alerts.run, parts.reading.run, parts.teller.run, parts.watch.run)
        tasks = [asyncio.create_task(run()) for run in runs]
        asked = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((asked, *tasks), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (asked, *tasks):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one

    def stop(self) -> None:
        """Finish what is under way, within seconds."""
        self._stopping.set()

    def troubles(self) -> list[str]:
        """Why they are not ready; empty when they are."""
        parts = self._parts
        readings = [parts.reading, *(each.reading for each in parts.alerts.open.values())]
        found = [parts.alerts.trouble, parts.watch.trouble, *(one.trouble for one in readings)]
        return list(dict.fromkeys(one for one in found if one is not None))

    def remarks(self) -> list[str]:
        """What somebody should look at all the same."""
        lanes = [each.lane for each in self._parts.alerts.open.values()]
        found = [f"alerts for {one.receiver.name} wait: {one.trouble}" for one in lanes if one.trouble]
        return [*found, *(["the state feed is silent"] if self._parts.watch.stale else [])]

    def readiness(self) -> tuple[bool, str]:
        """Ready: every topic is read and the configuration is known. A receiver that fails is no reason to be
        restarted, and is shown."""
        troubles = self.troubles()
        return not troubles, "\n".join(["waiting" if troubles else "ready", *troubles, *self.remarks()])

    def metrics(self) -> Iterable[Metric]:
        """Labels are receivers of the configuration and closed reasons."""
        parts = self._parts
        lanes = [each.lane for each in parts.alerts.open.values()]
        told = {
            labels(receiver=lane.receiver.name, outcome=outcome.lower()): float(count)
            for lane in lanes
            for outcome, count in lane.outcomes.items()
        }
        letters = {
            labels(consumer=consumer, reason=reason): float(count)
            for (consumer, reason), count in parts.keeping.letters.items()
        }
        waiting = {labels(receiver=lane.receiver.name): float(bool(lane.trouble)) for lane in lanes}
        return (
            Metric(
                "interlock_reactors_ready",
                "gauge",
                "1 while every topic is read",
                {"": float(not self.troubles())},
            ),
            Metric(
                "interlock_reactors_feed_stale",
                "gauge",
                "1 while the state feed is silent",
                {"": float(parts.watch.stale)},
            ),
            Metric(
                "interlock_reactors_records_total",
                "counter",
                "Request records kept",
                {"": float(parts.sink.kept)},
            ),
            Metric("interlock_reactors_alerts_total", "counter", "Alerts by what became of them", told),
            Metric(
                "interlock_reactors_alerts_waiting",
                "gauge",
                "1 while a receiver's secret is missing",
                waiting,
            ),
            Metric(
                "interlock_reactors_dead_letters_total", "counter", "Records that were passed over", letters
            ),
            Metric(
                "interlock_reactors_copies_total",
                "counter",
                "Dead letters copied to their topic",
                {"": float(parts.teller.copied)},
            ),
        )
