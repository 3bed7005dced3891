"""Who owns which connections: bounded for each (origin, pool_key), the most recently used handed out first.

The rule kept: a connection is counted from before its socket exists until after it is gone. Last in, first
out keeps few connections warm and lets the others expire. The rival dropped: a queue of waiters at the bound.
It would hide load from the router, which has other targets; `pool_exhausted` tells it at once.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from interlock_upstream.connection import Connection
from interlock_upstream.errors import FailureKind, Phase, UpstreamFailed
from interlock_upstream.limits import Limits
from interlock_upstream.origin import PoolKey


@dataclass(frozen=True, slots=True)
class KeyStats:
    """Connections of one (origin, pool_key). `in_use` includes those being opened."""

    open: int
    idle: int

    @property
    def in_use(self) -> int:
        return self.open - self.idle


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Connections of a client, in all and by (origin, pool_key); keys without a connection are not kept."""

    by_key: Mapping[PoolKey, KeyStats]

    @property
    def open(self) -> int:
        return sum(stats.open for stats in self.by_key.values())

    @property
    def idle(self) -> int:
        return sum(stats.idle for stats in self.by_key.values())

    @property
    def in_use(self) -> int:
        return self.open - self.idle


@dataclass(slots=True)
class _Bucket:
    members: set[Connection] = field(default_factory=set)
    # A dict is a stack with removal from the middle: popitem() is the newest, iteration starts at the oldest.
    idle: dict[Connection, None] = field(default_factory=dict)


class Pool:
    """Connections by key. Not for use from several threads or loops."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[PoolKey, _Bucket] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None

    def take(self, key: PoolKey, now: float) -> Connection | None:
        """The most recently used idle connection that may still carry a request."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return None
        oldest = now - self._limits.idle_expiry_s
        while bucket.idle:
            connection, _ = bucket.idle.popitem()
            if connection.idle_since > oldest and not connection.closed:
                return connection
            connection.abort()
        return None

    def open(self, key: PoolKey, loop: asyncio.AbstractEventLoop) -> Connection:
        """Count and return a connection that has no socket yet. Raises UpstreamFailed(pool_exhausted)."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket()
        elif len(bucket.members) >= self._limits.max_connections:
            raise UpstreamFailed(
                FailureKind.POOL_EXHAUSTED, Phase.CONNECT, f"{len(bucket.members)} connections open"
            )
        connection = Connection(loop, self._limits, self, key)
        bucket.members.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request."""
        self._buckets[connection.key].idle[connection] = None
        if self._sweep is None:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(self._limits.idle_expiry_s, self._close_expired, loop)

    def forget(self, connection: Connection) -> None:
        """Stop counting a connection; a key without connections costs nothing."""
        key = connection.key
        bucket = self._buckets.get(key)
        if bucket is None:
            return
        bucket.members.discard(connection)
        bucket.idle.pop(connection, None)
        if not bucket.members:
            del self._buckets[key]
            if not self._buckets and self._drained is not None and not self._drained.done():
                self._drained.set_result(None)

    def stats(self) -> PoolStats:
        """A copy of the counts as they are now."""
        return PoolStats(
            {key: KeyStats(len(each.members), len(each.idle)) for key, each in self._buckets.items()}
        )

    async def close(self) -> None:
        """Abort every connection and wait until the sockets are gone."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in [each for bucket in self._buckets.values() for each in bucket.members]:
            connection.abort()
            if not connection.attached:  # still being opened; it is closed the moment it has a socket
                self.forget(connection)
        if self._buckets:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained

    def _close_expired(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all idle connections, set to the moment at which the oldest of them expires."""
        self._sweep = None
        oldest = loop.time() - self._limits.idle_expiry_s
        kept: list[float] = []
        for bucket in self._buckets.values():
            expired = []
            for connection in bucket.idle:
                if connection.idle_since > oldest:
                    kept.append(connection.idle_since)
                    break
                expired.append(connection)
            for connection in expired:
                del bucket.idle[connection]
                connection.abort()
        if kept:
            self._sweep = loop.call_later(min(kept) - oldest, self._close_expired, loop)
