"""A projector process that renews its lease too seldom to notice that it lost it: only the epoch is left."""

import asyncio
import os
import sys

from interlock_projector.bootstrap import cluster_projector
from interlock_projector.contend import LeaseTimes
from interlock_runtime.logging import set_up_logging
from interlock_runtime.settings import RuntimeSettings, runtime_settings

CARELESS = LeaseTimes(ttl_s=1.0, renew_s=3600.0)


async def main() -> None:
    """Project until the process is killed."""
    settings = runtime_settings(os.environ)
    if not isinstance(settings, RuntimeSettings):
        sys.exit(f"{settings}")
    set_up_logging("INFO")
    async with cluster_projector(settings, times=CARELESS) as projector:
        await projector.run()


if __name__ == "__main__":
    asyncio.run(main())
