"""One receiver's lane: what stands on the topics, told to it in order, one by one.

Rule: each receiver has a group of its own, so a slow one holds up nobody and Kafka remembers how far each has
come. What it will not take becomes a dead letter of this lane and the lane goes on; what nobody could read is
a letter of all lanes together, kept once. A letter of a copied letter is told to nobody: two receivers that
fail would tell each other of it for ever.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from interlock_eventlog.dead_letters import DeadLetter, DeadLetterReason
from interlock_reactors.alert import DEAD_LETTER, Notice, notice, of_effect, wants
from interlock_reactors.delivery import Delivery, GaveUp, Refused, Told
from interlock_reactors.keeping import Keeping
from interlock_reactors.reading import ID, read_effect
from interlock_reactors.receivers import Receiver
from interlock_reactors.taken import Taken, letter
from interlock_runtime.kafka.connection import Topics

CONSUMER: Final = "reactors/alerts"
_REASONS: Final = {Refused: DeadLetterReason.REFUSED, GaveUp: DeadLetterReason.UNDELIVERED}


class Lane:
    """Handles what one receiver's group takes."""

    def __init__(self, receiver: Receiver, topics: Topics, *, delivery: Delivery, keeping: Keeping) -> None:
        self.receiver = receiver
        self._topics = topics
        self._delivery = delivery
        self._keeping = keeping
        self._consumer = f"{CONSUMER}/{receiver.name}"
        self.trouble: str | None = None
        self.outcomes: Counter[str] = Counter()

    @property
    def group(self) -> str:
        """Its consumer group."""
        return f"{self._topics.prefix}.alerts.{self.receiver.name}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The topics that what it asks for stands on."""
        letters = wants(self.receiver.alert, DEAD_LETTER)
        return (
            (self._topics.transitions, self._topics.dead_letters) if letters else (self._topics.transitions,)
        )

    async def take(self, records: Sequence[Taken]) -> None:
        """Tell what is in them; returns when each is told, put away or none of its business."""
        for one in records:
            found = self._copied(one) if one.topic == self._topics.dead_letters else self._observed(one)
            if isinstance(found, DeadLetter):
                await self._keeping.keep(CONSUMER, [found])
            elif found is not None and wants(self.receiver.alert, found.word):
                await self._tell(one, found)

    async def give_up(self, records: Sequence[Taken]) -> None:
        """A mistake of ours stands in their way."""
        await self._keeping.give_up(self._consumer, records)

    async def tell(self, told: Notice) -> Told | Refused | GaveUp:
        """Something that stands on no topic."""
        outcome = await self._delivery.deliver(self.receiver.alert, told, self._is_troubled)
        self.outcomes[type(outcome).__name__] += 1
        return outcome

    async def _tell(self, one: Taken, told: Notice) -> None:
        outcome = await self.tell(told)
        if not isinstance(outcome, Told):
            await self._keeping.keep(self._consumer, [letter(one, _REASONS[type(outcome)], outcome.detail)])

    def _observed(self, one: Taken) -> Notice | DeadLetter | None:
        effect = read_effect(one)
        if isinstance(effect, DeadLetter):
            return effect
        if effect.position <= self.receiver.since:
            return None
        return of_effect(one.header(ID) or "", effect, self._topics.prefix)

    def _copied(self, one: Taken) -> Notice | DeadLetter | None:
        told = {name: one.header(f"dead_{name}") for name in ("id", "consumer", "reason", "detail")}
        if not one.readable or not (told["id"] and told["consumer"] and told["reason"]):
            return letter(one, DeadLetterReason.BAD_HEADER, "it does not say whose dead letter it is")
        own = told["consumer"] == self._consumer or told["id"].startswith(f"{self._topics.dead_letters}:")
        if own or one.recorded_ms < self.receiver.since_ms:
            return None
        return notice(
            f"{told['consumer']}:{told['id']}",
            DEAD_LETTER,
            subject=told["consumer"],
            at_ms=one.recorded_ms,
            source=self._topics.prefix,
            data=told,
        )

    def _is_troubled(self, sentence: str | None) -> None:
        self.trouble = sentence
