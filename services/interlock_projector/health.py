"""What a projector says of itself: whether it does its part, and its numbers.

Rule: ready means that it owns the projection without a halt or could take it over at once.
"""

from collections.abc import Iterable
from typing import Protocol

from interlock_runtime.health import Metric
from interlock_views.live import ProjectionStatus


class Running(Protocol):
    """What is asked of the projector."""

    @property
    def owning(self) -> bool:
        """This process writes."""
        ...

    @property
    def ready(self) -> bool:
        """It does its part, as owner or as standby."""
        ...

    def status(self) -> ProjectionStatus:
        """How far it has come."""
        ...


class Health:
    """What `HealthApp` asks of a service, of a projector."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def readiness(self) -> tuple[bool, str]:
        """Owner or standby, of what, how far, and why not."""
        status = self._running.status()
        role = "owner" if self._running.owning else "standby"
        why = _why(status)
        said = f"{role} of {status.name} at position {status.position}{f': {why}' if why else ''}"
        return self._running.ready, said

    def metrics(self) -> Iterable[Metric]:
        """All of them, without labels."""
        for name, kind, says, number in _numbers(self._running):
            yield Metric(f"interlock_projector_{name}", kind, says, {"": float(number)})


def _numbers(running: Running) -> Iterable[tuple[str, str, str, int]]:
    status = running.status()
    return (
        ("owner", "gauge", "1 while this process owns the projection", int(running.owning)),
        ("ready", "gauge", "1 while it does its part, as owner or as standby", int(running.ready)),
        ("halted", "gauge", "1 while it stands still or waits for a store", int(bool(_why(status)))),
        ("epoch", "gauge", "Epoch of the newest ownership of this process", status.epoch),
        ("position", "gauge", "Log position that is committed (owner) or folded (standby)", status.position),
        (
            "published_position",
            "gauge",
            "Log position of the last commit in the state feed",
            status.published,
        ),
        ("log_time_ms", "gauge", "Log time at the position", status.log_ms),
        ("checkpoint_position", "gauge", "Log position of the newest checkpoint", status.checkpoint),
        ("events_total", "counter", "Events folded by the present owner", status.events),
        ("commits_total", "counter", "View commits of the present owner", status.commits),
        ("skipped_total", "counter", "Facts that could not be read, by the present owner", status.skipped),
        ("repaired_rows", "gauge", "View rows that differed from the fold at the take-over", status.repaired),
    )


def _why(status: ProjectionStatus) -> str | None:
    return status.halted or status.trouble
