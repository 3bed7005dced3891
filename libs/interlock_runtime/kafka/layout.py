"""What the five topics of a cell must be, and in which words a topic that is otherwise is told.

Rule: a setting is exact only where another value would be wrong; where more (or less) is merely generous, it
is accepted, so that an operator's larger choice is no error. A wrong topic is explained with the command that
corrects it, never altered: a shorter retention deletes at once. Values are set per topic, since a broker's
defaults are somebody else's.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from interlock_domain.catalog.policy import Retention
from interlock_runtime.kafka.connection import Topics

MAX_MESSAGE_BYTES: Final = 1_048_588
"""Kafka's own default: a record of 1 MiB and its frame. Senders refuse anything larger themselves."""
DEAD_LETTERS_MS: Final = 30 * 86_400_000
"""Time for people to look; the rows in the database are the original."""
SEGMENT_MS: Final = 600_000
"""A closed segment can be compacted: whoever starts reads some 20 minutes of commits, one a second."""
SEGMENT_BYTES: Final = 64 * 1024 * 1024
DELETE_RETENTION_MS: Final = 86_400_000
"""A reader that began before a tombstone has a day to come by and see it."""


class Fits(StrEnum):
    """Which other values do as well."""

    EXACTLY = "exactly"
    AT_LEAST = "at least"
    AT_MOST = "at most"


class Setting(Struct, frozen=True):
    """One setting of a topic, as Kafka spells it."""

    name: str
    value: str
    fits: Fits = Fits.EXACTLY
    because: str = ""

    def accepts(self, found: str) -> bool:
        """Whether a topic may have this value."""
        if self.fits is Fits.EXACTLY:
            return found == self.value
        if self.name == "retention.ms" and found == "-1":  # for ever
            return True
        try:
            is_, wanted = float(found), float(self.value)
        except ValueError:
            return False
        return is_ >= wanted if self.fits is Fits.AT_LEAST else is_ <= wanted


class TopicLayout(Struct, frozen=True, kw_only=True):
    """What one topic must be. One partition is a promise of order; several may be more."""

    name: str
    partitions: int
    settings: tuple[Setting, ...]


class FoundTopic(Struct, frozen=True, kw_only=True):
    """What a topic is; `copies` are those of the partition that has the fewest."""

    partitions: int
    copies: int
    settings: Mapping[str, str]


def layouts(topics: Topics, *, replication: int, retention: Retention) -> tuple[TopicLayout, ...]:
    """The five topics of a cell."""
    safe = _on_every_topic(replication)
    kept = {
        topics.events: (1, retention.events_ms),
        topics.requests: (12, retention.requests_ms),
        topics.transitions: (3, retention.transitions_ms),
        topics.dead_letters: (3, DEAD_LETTERS_MS),
    }
    state = TopicLayout(name=topics.state, partitions=1, settings=(*_COMPACTED, *safe))
    made = [
        TopicLayout(name=name, partitions=partitions, settings=(*_kept(ms), *safe))
        for name, (partitions, ms) in kept.items()
    ]
    return (made[0], state, *made[1:])


def flaws(layout: TopicLayout, found: FoundTopic, *, replication: int, bootstrap: str) -> tuple[str, ...]:
    """A sentence for everything about a topic that is not as it must be."""
    return (
        *_of_partitions(layout, found, bootstrap),
        *_of_copies(layout, found, replication),
        *_of_settings(layout, found, bootstrap),
    )


def _of_partitions(layout: TopicLayout, found: FoundTopic, bootstrap: str) -> tuple[str, ...]:
    has = f"{layout.name} has {found.partitions} partitions"
    if found.partitions < layout.partitions:
        command = f"kafka-topics.sh --bootstrap-server {bootstrap} --alter --topic {layout.name}"
        return (f"{has} and needs {layout.partitions}: run `{command} --partitions {layout.partitions}`",)
    if layout.partitions == 1 < found.partitions:
        do = "choose a new cell by INTERLOCK_TOPIC_PREFIX, or delete it and run `interlock migrate "
        return (f"{has}, and one order over all records needs exactly 1: {do}--new-generation`",)
    return ()


def _of_copies(layout: TopicLayout, found: FoundTopic, replication: int) -> tuple[str, ...]:
    if found.copies >= replication:
        return ()
    has = f"{layout.name} has {found.copies} of {replication} copies, so losing brokers can lose records"
    do = "add copies with `kafka-reassign-partitions.sh`"
    return (f"{has}: {do}, or say --replication {found.copies} when that is meant",)


def _of_settings(layout: TopicLayout, found: FoundTopic, bootstrap: str) -> tuple[str, ...]:
    has = ((one, found.settings.get(one.name, "")) for one in layout.settings)
    command = f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics"
    return tuple(
        f"{layout.name} has {one.name}={value} and wants {one.fits} {one.value} ({one.because}): "
        f"run `{command} --entity-name {layout.name} --add-config {one.name}={one.value}`"
        for one, value in has
        if not one.accepts(value)
    )


def _kept(retention_ms: int) -> tuple[Setting, ...]:
    return (
        Setting("cleanup.policy", "delete", because="compaction would drop events that share a key"),
        Setting("retention.ms", str(retention_ms), Fits.AT_LEAST, "that is how long readers go back"),
        Setting("retention.bytes", "-1", because="a limit by size would cut the time that is promised"),
    )


def _on_every_topic(replication: int) -> tuple[Setting, ...]:
    in_sync = max(1, replication - 1)
    return (
        Setting(
            "message.timestamp.type", "LogAppendTime", because="the broker's clock orders the time of the log"
        ),
        Setting(
            "min.insync.replicas",
            str(in_sync),
            Fits.AT_LEAST,
            "what was acknowledged must outlive one broker" if in_sync > 1 else "a record needs one copy",
        ),
        Setting(
            "max.message.bytes",
            str(MAX_MESSAGE_BYTES),
            Fits.AT_LEAST,
            "the largest record of the feed must fit",
        ),
        Setting(
            "unclean.leader.election.enable",
            "false",
            because="a leader that was behind would take acknowledged records away",
        ),
    )


_COMPACTED: Final = (
    Setting("cleanup.policy", "compact", because="the newest row of each key must never expire"),
    Setting(
        "segment.ms", str(SEGMENT_MS), Fits.AT_MOST, "an open segment is not compacted and makes starts slow"
    ),
    Setting("segment.bytes", str(SEGMENT_BYTES), Fits.AT_MOST, "the same by size"),
    Setting(
        "max.compaction.lag.ms", str(SEGMENT_MS), Fits.AT_MOST, "whoever starts reads what is not compacted"
    ),
    Setting("min.cleanable.dirty.ratio", "0.1", Fits.AT_MOST, "whoever starts reads what is not compacted"),
    Setting(
        "delete.retention.ms",
        str(DELETE_RETENTION_MS),
        Fits.AT_LEAST,
        "a slow reader must still meet the tombstones",
    ),
)
