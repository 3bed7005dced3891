"""A projector process that stands still between a view commit and its publication, once its file exists.

What it was about to publish it publishes when it goes on, as a machine does that was frozen there.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

from interlock_domain.rows import CommitRow
from interlock_feed.feed import FeedUpdate
from interlock_projector.bootstrap import member_of, opened_cluster
from interlock_projector.contend import LeaseTimes
from interlock_projector.publish import Feed
from interlock_runtime.logging import set_up_logging
from interlock_runtime.settings import RuntimeSettings, runtime_settings

CARELESS = LeaseTimes(ttl_s=1.0, renew_s=3600.0)
"""It never learns by its lease that it was replaced."""


class TornFeed:
    """Stops the whole process before it sends rows of a target, when `marker` says so; tells by `stopped`."""

    def __init__(self, feed: Feed, marker: Path) -> None:
        self._feed = feed
        self._marker = marker

    async def publish(self, commit: CommitRow, rows: Mapping[str, bytes | None]) -> None:
        if self._marker.exists() and any(key.startswith("target/") for key in rows):
            self._marker.unlink()
            self._marker.with_suffix(".stopped").touch()
            os.kill(os.getpid(), signal.SIGSTOP)
            await self._feed.publish(commit, rows)
            self._marker.with_suffix(".published").touch()
            return
        await self._feed.publish(commit, rows)

    def tail(self) -> AsyncIterator[FeedUpdate]:
        return self._feed.tail()


async def main(marker: Path) -> None:
    """Project until the process is killed."""
    settings = runtime_settings(os.environ)
    if not isinstance(settings, RuntimeSettings):
        sys.exit(f"{settings}")
    set_up_logging("INFO")
    async with opened_cluster(settings) as opened:
        torn = replace(opened, feed=TornFeed(opened.feed, marker))
        await member_of(torn, times=CARELESS).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
