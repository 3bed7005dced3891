"""A dead letter's record sent again, to the end of the topic that it came from.

Rule: key and value as given, the record's own headers kept, and two of ours that say which letter it was and
who could not use it, so that other consumers may pass over what they have had already.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from interlock_eventlog.letters import KeptLetter
from interlock_runtime.kafka.records import OutRecord, SentRecord

LETTER: Final = "interlock_letter"
CONSUMER: Final = "interlock_consumer"
OURS: Final = frozenset((LETTER, CONSUMER))


class Sender(Protocol):
    """What is asked of `KafkaSender`."""

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """All acknowledged, in order, or Unsent."""
        ...


class KafkaCopies:
    """Copies through a sender, which the caller closes."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def copy(self, letter: KeptLetter, value: bytes) -> str:
        """Where the copy stands, `<topic>/<partition>/<offset>`. Raises Unsent."""
        headers = (
            *((name, header) for name, header in letter.headers if name not in OURS),
            (LETTER, str(letter.id).encode()),
            (CONSUMER, letter.consumer.encode()),
        )
        record = OutRecord(key=letter.key, value=value, headers=headers, partition=letter.partition)
        (sent,) = await self._sender.send(letter.topic, [record])
        return f"{letter.topic}/{sent.partition}/{sent.offset}"
