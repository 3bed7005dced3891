"""A log with an hour behind it: a configuration and facts of a gateway, written before anybody starts.

Rule: it is written through the same adapter and the same command as everything else, with a clock that runs
through the past hour, so that the program which opens it finds nothing odd.
"""

import time
from pathlib import Path
from typing import Final

from interlock_control.commands import Accepted, Asked, CommandHandler
from interlock_control.decisions import LogDecisions
from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.events import AttemptFailed, Fact, GatewayReported, SuccessesCounted, SuccessRow
from interlock_domain.recorded import NewEvent, Source, stream_of_gateway
from interlock_domain.words import FailureClass, Phase
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_runtime.config_file import LoadedConfig, load_config
from interlock_runtime.sqlite import SqliteDatabase

GATEWAY: Final = "yesterday"
HOUR_MS: Final = 3_600_000
BATCH: Final = 500
FAILS_EVERY: Final = 40
REPORTS_EVERY: Final = 20
HISTOGRAM: Final = tuple(1 if n in (5, 6, 7) else 0 for n in range(16))


async def prefill(database: Path, config: Path, events: int) -> int:
    """Write that many facts behind the configuration's own events; the head of the log."""
    loaded = load_config(config)
    assert isinstance(loaded, LoadedConfig), loaded
    clock = _PastHour(events)
    held = SqliteDatabase(database)
    log = SqliteEventLog(held, clock.wall_ms)
    command = ApplyConfig(config=loaded.config, digest=loaded.digest, origin="file")
    answer = await CommandHandler(LogDecisions(log), lambda: "prefill").handle(command, Asked(actor="drill"))
    assert isinstance(answer, Accepted), answer
    targets = [member.target for pool in loaded.config.pools for member in pool.members]
    facts = [_fact(number, targets) for number in range(events)]
    for begin in range(0, events, BATCH):
        clock.passed(min(BATCH, events - begin))
        await log.publish(stream_of_gateway(GATEWAY), facts[begin : begin + BATCH])
    head = await log.head()
    await held.close()
    return head


class _PastHour:
    """From an hour ago to a moment ago."""

    def __init__(self, events: int) -> None:
        self._ms = float(time.time_ns() // 1_000_000 - HOUR_MS)
        self._step = (HOUR_MS - 60_000) / events

    def passed(self, events: int) -> None:
        self._ms += events * self._step

    def wall_ms(self) -> int:
        return int(self._ms)


def _fact(number: int, targets: list[str]) -> NewEvent:
    source = Source(gateway=GATEWAY, boot="b", seq=number + 1)
    return NewEvent(id=f"prefill-{number}", event=_event(number, targets), source=source, age_ms=3)


def _event(number: int, targets: list[str]) -> Fact:
    if number % REPORTS_EVERY == 0:
        return GatewayReported(moment="start" if number == 0 else "running", pools=("chat",))
    target = targets[number % len(targets)]
    if number % FAILS_EVERY == 1:
        return AttemptFailed(
            request=f"{number:016x}", attempt=1, pool="chat", target=target, shape="text",
            failure=FailureClass.SERVER_ERROR, phase=Phase.HEADERS, status=500, elapsed_ms=80,
        )  # fmt: skip
    row = SuccessRow(target=target, shape="text", count=12, ttft=HISTOGRAM, duration=HISTOGRAM)
    return SuccessesCounted(rows=(row,))
