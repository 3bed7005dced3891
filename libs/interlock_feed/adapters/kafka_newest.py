"""How far a state topic ever came: the highest stamp that anybody wrote there.

Rule: only the topic knows which generation gateways have seen, since a restored database has forgotten it.
Rows count as well as commits: compaction may have left an older writer's commit last.
"""

from typing import Final

from interlock_domain.rows import CommitRow
from interlock_feed.adapters.kafka_rows import POLL_S, ROWS_A_FETCH, read
from interlock_feed.staging import Stamp, stamp_of
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.reader import TopicReader

MOST_WAITS: Final = 60
"""Half a minute in which a broker that said where its topic ends gives no record before it."""


async def newest_stamp(connection: KafkaConnection, topics: Topics) -> Stamp | None:
    """None for an empty topic. Raises Unreachable."""
    reader = TopicReader(connection, topics.state)
    newest: Stamp | None = None
    try:
        end = await reader.end()
        reader.seek(await reader.begin())
        waits = 0
        while reader.position() < end:
            records = await reader.fetch(ROWS_A_FETCH, POLL_S)
            for found in map(read, records):
                if found is not None:
                    stamp = stamp_of(found) if isinstance(found, CommitRow) else found.stamp
                    newest = stamp if newest is None else max(newest, stamp)
            waits = 0 if records else waits + 1
            if waits > MOST_WAITS:
                raise Unreachable(f"the state feed {topics.state} gives no records: check its brokers.")
    finally:
        await reader.close()
    return newest
