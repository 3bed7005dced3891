"""Cells for tests: the five topics under a prefix of one's own, on a broker that many tests share.

Rule: a topic name is never used twice, so nothing is deleted between tests; what a broker keeps ends with it.
The topics are those of production, except that the state feed compacts within a test's patience.
Emptying topics was dropped: a deletion is finished when the broker likes, and a reader meets the old offsets.
"""

import asyncio
import uuid
from functools import partial
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.errors import for_code  # type: ignore[import-untyped]

from interlock_domain.catalog.policy import Retention
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.layout import layouts
from interlock_testing.waiting import until

ANSWER_S: Final = 30.0
"""A busy broker on a busy machine."""

QUICK_COMPACTION: Final = {
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "1000",
}


def fresh_topics() -> Topics:
    """Names that nobody used before."""
    return Topics(prefix=f"cell-{uuid.uuid4().hex[:12]}")


async def create_topics(bootstrap: tuple[str, ...], topics: Topics, *, replication: int = 1) -> None:
    """Make the five topics of a cell; returns when each has a leader."""
    new = []
    for layout in layouts(topics, replication=replication, retention=Retention()):
        configs = {setting.name: setting.value for setting in layout.settings}
        quick = QUICK_COMPACTION if layout.name == topics.state else {}
        new.append(NewTopic(layout.name, layout.partitions, replication, topic_configs={**configs, **quick}))
    admin = AIOKafkaAdminClient(bootstrap_servers=list(bootstrap), request_timeout_ms=int(ANSWER_S * 1000))
    try:
        async with asyncio.timeout(ANSWER_S):
            await admin.start()
            answer: Any = await admin.create_topics(new)
            for name, code, *_ in answer.topic_errors:  # it answers what went wrong, and does not raise it
                if code:
                    raise for_code(code)(f"topic {name} was not created")
            await until_led(admin, [one.name for one in new])
    finally:
        await admin.close()


async def until_led(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Until each partition of these topics has a leader: made is not yet known to every broker."""
    await until(partial(_led, admin, names), timeout_s=ANSWER_S, what="leaders")


async def _led(admin: AIOKafkaAdminClient, names: list[str]) -> bool:
    described = await admin.describe_topics(names)
    partitions = [part for topic in described for part in topic["partitions"]]
    return not any(one["error_code"] for one in described) and all(one["leader"] >= 0 for one in partitions)
