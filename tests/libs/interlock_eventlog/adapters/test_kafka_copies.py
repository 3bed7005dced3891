"""A record sent again: as it came, with a word of which letter it was."""

from collections.abc import Sequence

from interlock_eventlog.adapters.kafka_copies import KafkaCopies
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_testing.contracts.letters import letter


class Sender:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, OutRecord]] = []

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        self.sent += [(topic, record) for record in records]
        return [SentRecord(2, 41, 0) for _ in records]


async def test_key_partition_and_headers_are_kept_and_ours_are_written_once():
    sender = Sender()
    kept = letter(9, id=7, topic="cell.requests.v1", partition=2)
    assert await KafkaCopies(sender).copy(kept, b"{}") == "cell.requests.v1/2/41"
    ((topic, record),) = sender.sent
    assert (topic, record.key, record.value, record.partition) == (kept.topic, kept.key, b"{}", 2)
    assert record.headers == (
        ("ce_id", b"\xfe"),
        ("interlock_letter", b"7"),
        ("interlock_consumer", b"routing-1"),
    )
    again = letter(9, id=8, headers=record.headers)
    await KafkaCopies(sender).copy(again, b"{}")
    names = [name for name, _ in sender.sent[1][1].headers]
    assert names == ["ce_id", "interlock_letter", "interlock_consumer"]
