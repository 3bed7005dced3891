"""Settling dead letters: a corrected copy at the end of the topic, or dropped; by whom and why is kept.

Rule: a copy is a new record with its own place in the order, judged like any other: its age counts from the
first time it was recorded, so an old outcome cools nothing, and a sequence that has moved on makes it history
only. What is copied into the log must be readable and a fact, because decisions come from the journal alone.
The copy is appended before the letter is settled: a crash between the two makes a second copy, which the same
id makes harmless. Dropped: putting the record back at its place, which the readers have passed.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from interlock_control.clock import Clock
from interlock_control.problem import Problem, not_found
from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.codec import CODEC, Undecodable
from interlock_eventlog.letters import KeptLetter, Letters, LetterState, Settling
from interlock_eventlog.log import FactSink


class Copies(Protocol):
    """Sends a record again as it is, for topics other than the log."""

    async def copy(self, letter: KeptLetter, value: bytes) -> str:
        """To the end of the letter's topic; the place, `<topic>/<partition>/<offset>`."""
        ...


class Wish(Struct, frozen=True, kw_only=True):
    """Who wants it, why, and the corrected value when there is one."""

    by: str
    because: str | None = None
    value: bytes | None = None


class Desk:
    """The one place where letters are settled. `events`: the name of the log's topic."""

    def __init__(
        self, letters: Letters, facts: FactSink, copies: Copies, *, events: str, clock: Clock
    ) -> None:
        self._letters = letters
        self._facts = facts
        self._copies = copies
        self._events = events
        self._clock = clock

    async def page(self, state: LetterState | None, after: int, limit: int) -> Sequence[KeptLetter]:
        """In the order they came."""
        return await self._letters.page(state=state, after=after, limit=limit)

    async def replay(self, id: int, wish: Wish) -> KeptLetter:
        """Append the copy, then settle; raises Problem."""
        letter = await self._waiting(id)
        value = wish.value if wish.value is not None else letter.value
        if value is None:
            raise Problem(422, "nothing_to_replay", "the record had no value: send a corrected `value`")
        if letter.topic == self._events:
            position = await self._append(letter, value, wish)
            copy = f"{letter.topic}/0/{position - 1}"
        else:
            copy = await self._copies.copy(letter, value)
        return await self._settled(id, LetterState.REPLAYED, wish, copy)

    async def drop(self, id: int, wish: Wish) -> KeptLetter:
        """Settle it without a copy; raises Problem."""
        await self._waiting(id)
        return await self._settled(id, LetterState.DROPPED, wish, None)

    async def _append(self, letter: KeptLetter, value: bytes, wish: Wish) -> int:
        found = CODEC.decode(value, letter.offset + 1, letter.recorded_ms)
        if isinstance(found, Undecodable):
            raise Problem(
                422,
                "still_unreadable",
                f"the record cannot be read ({found.reason.value}: {found.detail}): send a corrected "
                "`value`, start the version of Interlock that reads it, or drop it",
                reason=found.reason.value,
            )
        if found.version is not None:
            raise Problem(
                422,
                "decision",
                "this record calls itself a decision, and decisions come from the journal alone: drop it",
            )
        return await self._facts.publish(found.stream, [self._copy(letter, found, wish)])

    def _copy(self, letter: KeptLetter, found: RecordedEvent, wish: Wish) -> NewEvent:
        return NewEvent(
            id=found.id,
            event=found.event,
            actor=wish.by,
            reason=wish.because,
            correlation=found.correlation,
            causation=f"dead-letter/{letter.topic}/{letter.partition}/{letter.offset}",
            source=found.source,
            age_ms=found.age_ms + max(0, self._clock.wall_ms() - letter.recorded_ms),
        )

    async def _waiting(self, id: int) -> KeptLetter:
        letter = await self._letters.get(id)
        if letter is None:
            raise not_found(f"dead letter {id}", "see GET /admin/v1/dead-letters")
        if letter.state is not LetterState.WAITING:
            raise Problem(
                409,
                "settled",
                f"dead letter {id} was {letter.state.value} by {letter.changed_by or 'somebody'} already",
            )
        return letter

    async def _settled(self, id: int, state: LetterState, wish: Wish, copy: str | None) -> KeptLetter:
        settling = Settling(state=state, by=wish.by, because=wish.because, copy=copy)
        if not await self._letters.settle(id, settling):
            await self._waiting(id)
        letter = await self._letters.get(id)
        if letter is None:
            raise not_found(f"dead letter {id}", "it was pruned meanwhile")
        return letter
