"""Making the topics of a cell where they are missing, and looking hard at those that are there.

Rule: what is missing is made whole, and what exists is never altered: each wrong setting comes back as a
sentence with the command for it. The brokers' answer is read topic by topic, because the client raises for
none of them. Names are looked up in the list of all topics: asking for one by name would let a broker that
creates topics by itself do so. Dropped: altering by the client, whose only call replaces all settings.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.admin.config_resource import (  # type: ignore[import-untyped]
    ConfigResource,
    ConfigResourceType,
)
from aiokafka.errors import (  # type: ignore[import-untyped]
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from msgspec import Struct

from interlock_domain.catalog.policy import Retention
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.layout import FoundTopic, TopicLayout, flaws, layouts
from interlock_runtime.kafka.refusal import refusal

COPIES: Final = 3
"""Kafka's usual: one broker may be lost while another one is down for upkeep."""
PATIENCE_S: Final = 30.0
"""For everything together: brokers that elect leaders after a start need up to 20 s."""
REQUEST_MS: Final = 10_000
LOOK_AGAIN_S: Final = 0.1
"""Between two looks at topics that are being made."""


class TopicRefused(Exception):
    """The brokers will not make a topic; one sentence that says what to do."""


class Provisioned(Struct, frozen=True, kw_only=True):
    """What was found: names in the order of the layout, and a sentence for everything that is wrong."""

    created: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Not there, and not made, because only a look was asked for."""
    sound: tuple[str, ...] = ()
    """There already, and as they must be."""
    flaws: tuple[str, ...] = ()
    replication: int = 1


async def provision(
    connection: KafkaConnection,
    topics: Topics,
    *,
    retention: Retention | None = None,
    replication: int | None = None,
    look_only: bool = False,
) -> Provisioned:
    """Make what is missing and judge what is there. `replication` None: 3, or as many as there are brokers.

    Raises Unreachable and TopicRefused.
    """
    async with _admin(connection) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        copies = replication or min(COPIES, brokers)
        wanted = layouts(topics, replication=copies, retention=retention or Retention())
        before = await _listed(admin)
        absent = [layout for layout in wanted if layout.name not in before]
        if absent and copies > brokers:
            raise TopicRefused(
                f"{copies} copies of each topic need {copies} brokers, and Kafka at {connection.where} has "
                f"{brokers}: start more, or say --replication {brokers}"
            )
        created: tuple[str, ...] = ()
        if absent and not look_only:
            created = await _create(admin, absent, copies)
            before = await _until_led(admin, wanted)
        there = [layout for layout in wanted if layout.name in before]
        found = await _found(admin, there, before)
        told = {
            one.name: flaws(one, found[one.name], replication=copies, bootstrap=connection.where)
            for one in there
        }
        return Provisioned(
            created=created,
            missing=tuple(layout.name for layout in absent) if look_only else (),
            sound=tuple(name for name, sentences in told.items() if not sentences and name not in created),
            flaws=tuple(sentence for sentences in told.values() for sentence in sentences),
            replication=copies,
        )


@asynccontextmanager
async def _admin(connection: KafkaConnection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(
        **connection.client_options(), client_id="interlock-migrate", request_timeout_ms=REQUEST_MS
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            await admin.start()
            yield admin
    except TimeoutError as error:
        raise Unreachable(
            f"Kafka at {connection.where} did not answer in {PATIENCE_S:g} s: is it overloaded or cut off?"
        ) from error
    except (KafkaConnectionError, OSError) as error:
        raise Unreachable(
            await refusal(connection, error)
            or f"Kafka at {connection.where} cannot be reached: start it, or correct the "
            "INTERLOCK_KAFKA_ variables"
        ) from error
    except KafkaError as error:
        raise Unreachable(
            f"Kafka at {connection.where} refuses ({_reason(error)}): give this user the rights to describe "
            "and create topics, or correct the INTERLOCK_KAFKA_ variables"
        ) from error
    finally:
        await admin.close()


def _reason(error: Exception) -> str:
    """The kind of failure in words: `topic authorization failed`. The client's own text may hold anything."""
    name = type(error).__name__.removesuffix("Error").removeprefix("Kafka") or "Kafka"
    return "".join(f" {one.lower()}" if one.isupper() else one for one in name).strip()


async def _listed(admin: AIOKafkaAdminClient) -> dict[str, Any]:
    return {one["topic"]: one for one in await admin.describe_topics()}


async def _create(admin: AIOKafkaAdminClient, absent: Sequence[TopicLayout], copies: int) -> tuple[str, ...]:
    """The names that we made. One that is there after all (somebody was faster, or the broker that we asked
    had not heard of it yet) is judged like any other."""
    new = [
        NewTopic(
            name=layout.name,
            num_partitions=layout.partitions,
            replication_factor=copies,
            topic_configs={setting.name: setting.value for setting in layout.settings},
        )
        for layout in absent
    ]
    answer = await admin.create_topics(new, timeout_ms=REQUEST_MS)
    for name, code, *rest in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            said = f", {rest[0]}" if rest and rest[0] else ""
            raise TopicRefused(
                f"Kafka does not make the topic {name} ({_reason(error())}{said}): give this user the right "
                "to create topics, or have it made and run `interlock migrate` again"
            )
    made = {name for name, code, *_ in answer.topic_errors if not code}
    return tuple(layout.name for layout in absent if layout.name in made)


async def _until_led(admin: AIOKafkaAdminClient, wanted: Iterable[TopicLayout]) -> dict[str, Any]:
    """Made is not usable: wait until each partition has a leader. The caller's patience is the limit."""
    while True:
        found = await _listed(admin)
        if all(_led(found.get(layout.name)) for layout in wanted):
            return found
        await asyncio.sleep(LOOK_AGAIN_S)


def _led(topic: Mapping[str, Any] | None) -> bool:
    return (
        topic is not None and bool(topic["partitions"]) and all(p["leader"] >= 0 for p in topic["partitions"])
    )


async def _found(
    admin: AIOKafkaAdminClient, there: Sequence[TopicLayout], listed: Mapping[str, Any]
) -> dict[str, FoundTopic]:
    settings = await _settings(admin, [layout.name for layout in there])
    return {
        layout.name: FoundTopic(
            partitions=len(listed[layout.name]["partitions"]),
            copies=min((len(p["replicas"]) for p in listed[layout.name]["partitions"]), default=0),
            settings=settings[layout.name],
        )
        for layout in there
    }


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """By topic. A broker that has not heard of a new topic is asked again, as long as the caller waits."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    while asked:
        for answer in await admin.describe_configs(asked):
            for code, _said, _kind, name, entries in answer.resources:
                if not code:
                    found[name] = {entry[0]: entry[1] for entry in entries}
                elif for_code(code) is not UnknownTopicOrPartitionError:
                    raise for_code(code)
        asked = [one for one in asked if one.name not in found]
        if asked:
            await asyncio.sleep(LOOK_AGAIN_S)
    return found
