"""Where the past is kept, as a value that a child process can be given.

Rule: plain data, no open thing: the child opens what it needs itself. It reaches the child through the pipe
that starts it, never through its arguments, which everybody on the machine can read. Dropped: passing an
opened log, because neither connections nor loops survive the way into another process.
"""

from msgspec import Struct

from interlock_runtime.settings import RuntimeSettings


class InFile(Struct, frozen=True, kw_only=True):
    """The database file of an embedded run."""

    database: str


class InCluster(Struct, frozen=True, kw_only=True):
    """Kafka and PostgreSQL, as the settings of this process name them."""

    settings: RuntimeSettings


Source = InFile | InCluster
