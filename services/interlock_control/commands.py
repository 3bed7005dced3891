"""Commands: decide against what is declared, append with expected versions, try again when overtaken.

Rule: one command at a time, always against every decision the log holds, so that what was refused or accepted
can be explained from the log alone; an append that another writer overtook is decided anew, three times at
most. Refusals are values. A key that a caller gives names its write: repeated, it appends once. Dropped: a
cached catalog beside the log, because a decision made on an old catalog is not caught by a stream's version.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from interlock_control.decisions import DecisionLog
from interlock_domain.catalog.commands import Command
from interlock_domain.catalog.decide import Rejected, StreamEvents, decide
from interlock_domain.catalog.declared import Declared, evolve_declared
from interlock_domain.recorded import NewEvent
from interlock_eventlog.log import ReusedId, StreamAppend, VersionConflict

ATTEMPTS: Final = 3
"""Being overtaken twice in a row takes two other writers within milliseconds; more means something else."""
KEYS_KEPT: Final = 1_000
"""Idempotency keys remembered with their answers: hours of an operator's scripts, well under 1 MB."""


class Asked(Struct, frozen=True, kw_only=True):
    """Who asks and why, beside the command. `seen`: the stream version the caller decided on; `id`: the id
    of the first event, when the caller derives it from evidence."""

    actor: str
    reason: str | None = None
    seen: int | None = None
    key: str | None = None
    id: str | None = None
    causation: str | None = None


class Accepted(Struct, frozen=True, kw_only=True):
    """Done. `version` is that of the first stream; `changed` False: there was nothing to do."""

    position: int
    version: int
    changed: bool = True
    repeated: bool = False


class Stale(Struct, frozen=True, kw_only=True):
    """The caller decided on a version that is no longer the newest."""

    stream: str
    seen: int
    actual: int


class Overtaken(Struct, frozen=True, kw_only=True):
    """Other writers were faster each time."""

    stream: str


class KeyReused(Struct, frozen=True, kw_only=True):
    """The idempotency key belongs to another command."""

    key: str


Answer = Accepted | Rejected | Stale | Overtaken | KeyReused


class CommandHandler:
    """Takes commands one at a time. `ids` gives fresh event ids."""

    def __init__(self, log: DecisionLog, ids: Callable[[], str]) -> None:
        self._log = log
        self._ids = ids
        self._turn = asyncio.Lock()
        self._declared = Declared()
        self._versions: dict[str, int] = {}
        self._position = 0
        self._answers: OrderedDict[str, tuple[bytes, Accepted]] = OrderedDict()

    async def handle(self, command: Command, asked: Asked) -> Answer:
        """Decide and append, or say why not."""
        async with self._turn:
            digest = _digest(command, asked)
            known = self._answers.get(asked.key) if asked.key is not None else None
            if known is not None:
                same = known[0] == digest
                return (
                    msgspec.structs.replace(known[1], repeated=True)
                    if same
                    else KeyReused(key=asked.key or "")
                )
            answer = await self._decided(command, asked)
            if isinstance(answer, Accepted) and asked.key is not None:
                self._answers[asked.key] = (digest, answer)
                if len(self._answers) > KEYS_KEPT:
                    self._answers.popitem(last=False)
            return answer

    async def declared(self) -> Declared:
        """What is declared now."""
        async with self._turn:
            await self._catch_up()
            return self._declared

    async def version_of(self, stream: str) -> int:
        """The version of a decision stream; 0 when it is empty."""
        async with self._turn:
            await self._catch_up()
            return self._versions.get(stream, 0)

    async def _decided(self, command: Command, asked: Asked) -> Answer:
        overtaken = ""
        for _ in range(ATTEMPTS):
            await self._catch_up()
            decided = decide(self._declared, command)
            if isinstance(decided, Rejected):
                return decided
            if not decided:
                return Accepted(position=self._position, version=self._declared.revision, changed=False)
            first = decided[0].stream
            version = self._versions.get(first, 0)
            if asked.seen is not None and asked.seen != version:
                return Stale(stream=first, seen=asked.seen, actual=version)
            answer = await self._appended(decided, asked)
            if not isinstance(answer, VersionConflict):
                return answer
            overtaken = answer.stream
        return Overtaken(stream=overtaken)

    async def _appended(self, decided: tuple[StreamEvents, ...], asked: Asked) -> Answer | VersionConflict:
        appends = self._appends(decided, asked)
        try:
            appended = await self._log.append(appends)
        except ReusedId:
            return KeyReused(key=asked.key or asked.id or "")
        if isinstance(appended, VersionConflict):
            return appended
        version = appended.versions.get(decided[0].stream, 0)
        return Accepted(position=appended.position, version=version, repeated=appended.repeated)

    def _appends(self, decided: tuple[StreamEvents, ...], asked: Asked) -> list[StreamAppend]:
        first = asked.id or (_id_of_key(asked.key) if asked.key is not None else self._ids())
        appends: list[StreamAppend] = []
        number = 0
        for part in decided:
            events: list[NewEvent] = []
            for event in part.events:
                events.append(
                    NewEvent(
                        id=first if number == 0 else f"{first}.{number}",
                        event=event,
                        actor=asked.actor,
                        reason=asked.reason,
                        causation=asked.causation,
                    )
                )
                number += 1
            expected = self._versions.get(part.stream, 0)
            appends.append(StreamAppend(stream=part.stream, expected_version=expected, events=tuple(events)))
        return appends

    async def _catch_up(self) -> None:
        head = await self._log.head()
        if head <= self._position:
            return
        for record in await self._log.between(self._position, head):
            self._declared = evolve_declared(self._declared, record.event)
            self._versions[record.stream] = record.version or 0
        self._position = head


def _id_of_key(key: str) -> str:
    return "key-" + sha256(key.encode()).hexdigest()[:32]


def _digest(command: Command, asked: Asked) -> bytes:
    text = msgspec.json.encode((type(command).__name__, command, asked.actor, asked.reason), order="sorted")
    return sha256(text).digest()
