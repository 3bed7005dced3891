"""Journal, log, views and feed of a cluster, brought to one history: what `--new-generation` does first.

Rule: the generation goes up only when all four agree, and gateways take nothing of it before; so a run that
failed half-way has shown them nothing, and may be made again. The journal is published here and to its end,
because a fold that was caught half-way through it would be a catalog of last year. It is done under the
relay's lock: a control plane that still runs is told of, and not raced against.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from msgspec import Struct

from interlock_cli.refusal import Refusal
from interlock_eventlog.reunion import Agreement, Decided, Reunited
from interlock_feed.staging import Stamp
from interlock_views.anew import Cut, Furthest

LOCK_S: Final = 15.0
"""For the relay's lock: the server ends the session of a killed control plane within ten seconds."""
SHOWN: Final = 200
"""Decisions that are listed one by one: more than people make in the minutes between two copies."""


class Line(Struct, frozen=True, kw_only=True):
    """What is so now. `todo`: a look found something to do; `wrong`: somebody has to correct it."""

    what: str
    says: str
    todo: bool = False
    wrong: bool = False


class Histories(Protocol):
    """Journal and log."""

    async def look(self) -> Agreement:
        """Whether the log is the one that the journal knows."""
        ...

    async def mend(self, generation: int) -> Reunited:
        """One history again; raises Divided."""
        ...


class Folded(Protocol):
    """The views."""

    async def furthest(self) -> Furthest:
        """How far anybody came."""
        ...

    async def cut(self, valid: int, *, topic: str, generation: int) -> Cut:
        """Take away what was folded behind `valid`."""
        ...


class Publishing(Protocol):
    """The relay."""

    async def drain(self) -> int:
        """Publish all that waits; how many."""
        ...


class SoleOwner(Protocol):
    """The relay's lock."""

    async def holding(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work while nobody else does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is mended, opened."""

    reunion: Histories
    views: Folded
    relay: Publishing
    lock: SoleOwner
    newest: Callable[[], Awaitable[Stamp | None]]
    """The highest stamp on the state feed."""
    generation: int
    events: str
    """Name of the events topic."""


async def differing(stores: Stores) -> AsyncIterator[Line]:
    """Look, and change nothing: a line for everything that only a new generation brings together again."""
    newest = await stores.newest()  # first: what is shown was committed before
    agreement, furthest = await stores.reunion.look(), await stores.views.furthest()
    if not agreement.same or furthest.position > agreement.end:
        known = max(furthest.position, agreement.last)
        yield Line(
            what="log",
            says=f"{stores.events} ends at {agreement.end} and is not the log that the database knows up to "
            f"{known}: follow docs/runbooks/kafka-lost.md",
            wrong=True,
        )
        return
    stands = Stamp(stores.generation, furthest.epoch, furthest.position)
    if newest is not None and _is_beyond(newest, stands):
        yield Line(
            what="database",
            says=f"gateways were shown {_stood(newest)}, and the database stands at {_stood(stands)}, so it "
            "was put back to an older copy: follow docs/runbooks/restore.md",
            wrong=True,
        )


def _stood(stamp: Stamp) -> str:
    return f"g{stamp.generation}:{stamp.position} of epoch {stamp.epoch}"


def _is_beyond(shown: Stamp, stands: Stamp) -> bool:
    if shown.generation != stands.generation:
        return shown.generation > stands.generation
    return shown.epoch > stands.epoch or shown.position > stands.position


async def mend(stores: Stores) -> list[Line]:
    """Bring all to one history; what was done, line by line. Refusal while a control plane runs."""
    lines: list[Line] = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        lines.extend(await _mended(stores))

    holding = asyncio.create_task(stores.lock.holding(work))
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait((holding, waiting), timeout=LOCK_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not begun.is_set() and not holding.done():
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding
        raise Refusal(
            "a control plane still publishes decisions: stop every control plane and every projector, then "
            "run this again"
        )
    await holding
    return lines


async def _mended(stores: Stores) -> list[Line]:
    generation = stores.generation + 1
    done = await stores.reunion.mend(generation)
    lines = [*_of_taken(done), *_of_left(done)]
    if not done.agreement.same or (await stores.views.furthest()).position > done.agreement.end:
        cut = await stores.views.cut(done.valid, topic=stores.events, generation=stores.generation)
        lines.append(
            Line(
                what="views",
                says=f"begin again at position {cut.position}, because {stores.events} is another log or "
                "was cut: cooldowns and other state that outcomes had taught are gone, and "
                f"{cut.transitions} transitions with them; what operators decided is not",
            )
        )
    published = await stores.relay.drain()
    if published:
        lines.append(Line(what="log", says=f"{published} decisions of the journal published"))
    return lines or [Line(what="journal", says="agrees with the log, nothing is to be mended")]


def _of_taken(done: Reunited) -> list[Line]:
    taken = done.taken
    if not taken:
        return []
    ends = f"log position {taken[-1][1].position} ({_moment(taken[-1][1])})"
    return [
        Line(
            what="journal",
            says=f"{len(taken)} decisions stood in the log alone and are taken back, up to {ends}; whatever "
            "was answered after that and never reached the log is lost",
        ),
        *(Line(what="taken back", says=f"j{position}  {_told(one)}") for position, one in taken[:SHOWN]),
        *([Line(what="taken back", says=f"and {len(taken) - SHOWN} more")] if len(taken) > SHOWN else []),
    ]


def _of_left(done: Reunited) -> list[Line]:
    missing = "its batch, or a version before it, is in no log and no journal"
    return [
        Line(what="left", says=f"{_told(one)}: {missing}; nobody applied it, so decide it again")
        for one in done.left[:SHOWN]
    ]


def _told(one: Decided) -> str:
    by = f" by {one.actor}" if one.actor else ""
    return f"{one.type} {one.stream} version {one.version}{by}, {_moment(one)}"


def _moment(one: Decided) -> str:
    return datetime.fromtimestamp(one.recorded_ms / 1000, UTC).isoformat(timespec="seconds")
