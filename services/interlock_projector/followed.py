"""All that a projector asks of a log: to read it, to wait for more, and somewhere to put its ticks.

Rule: a projector appends no decision: in a cluster that goes through the journal, which Kafka is not.
"""

from typing import Protocol

from interlock_eventlog.log import FactSink, LogReader


class FollowedLog(LogReader, FactSink, Protocol):
    """The part of EventLog that does not decide."""
