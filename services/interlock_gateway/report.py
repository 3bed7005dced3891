"""The gateway's sign of life: a GatewayReported each two seconds, at start and at a clean stop.

It is the first fact of every boot, because facts of an unreported boot are never judged; it names the
credentials by fingerprint and the pools asked for in the last minute, from which the fleet's probe
owners and quarantines follow.
"""

import asyncio
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from interlock_domain.events import GatewayReported
from interlock_gateway.gateway import Gateway

EVERY_S: Final = 2.0
ACTIVE_S: Final = 60.0
SUCCESSES_EVERY_S: Final = 1.0


def software_version() -> str:
    """The installed version of Interlock; `0` when run from a bare tree."""
    try:
        return version("interlock")
    except PackageNotFoundError:
        return "0"


class Reporter:
    """Puts reports and the counts of successes into the outcome ring."""

    def __init__(self, gw: Gateway, address: str) -> None:
        self._gw = gw
        self._address = address
        self._software = software_version()

    def report(self, moment: str) -> None:
        """Say now how this gateway is; `moment` is start, running or stop."""
        gw = self._gw
        now = gw.monotonic()
        for pool in [pool for pool, asked in gw.pools_asked.items() if now - asked > ACTIVE_S]:
            del gw.pools_asked[pool]
        held = gw.follow.held
        gw.ring.put(
            GatewayReported(
                moment=moment,
                software=self._software,
                address=self._address,
                snapshot=held.snapshot.version if held else "",
                feed_age_ms=gw.follow.age_ms(),
                in_flight=len(gw.exchanges),
                outcomes_dropped=gw.ring.dropped,
                records_dropped=gw.records.dropped,
                fingerprints=gw.fingerprints,
                pools=tuple(sorted(gw.pools_asked)),
            ),
            now * 1000,
        )
        gw.outcomes.wake()

    def count(self) -> None:
        """Tell the log and the breakers of the successes since the last time."""
        gw = self._gw
        now_ms = gw.monotonic() * 1000
        gw.tally.teach(gw.local.breakers)
        gw.local.acquit(now_ms)
        gw.ring.put_counts(gw.tally.take_rows(), now_ms)

    async def run(self) -> None:
        """Count each second, report each second second; ends by cancellation only."""
        loop = asyncio.get_running_loop()
        due = loop.time() + EVERY_S
        while True:
            await asyncio.sleep(SUCCESSES_EVERY_S)
            self.count()
            self._gw.local.settle_budgets(self._gw.monotonic())
            self._gw.outcomes.wake()
            if loop.time() >= due:
                due += EVERY_S
                self.report("running")
