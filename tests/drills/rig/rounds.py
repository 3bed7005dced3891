"""One round of the kill matrix: strike, wait for a word in force, bring back, wait until whole, hold against.

Rule: waits have deadlines that only a broken system passes, and passing one ends the run with what was seen;
everything else that is wrong is a failed check and the next round follows. Times count from the blow.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final, Self

from msgspec import Struct, field

from interlock_eventlog.adapters.kafka import KafkaEventLog
from interlock_testing.services.kafka import KafkaCluster
from interlock_testing.services.postgres import PostgresServer
from interlock_testing.waiting import until
from tests.drills.rig.audit import PROJECTION, Audit
from tests.drills.rig.cell import Cell
from tests.drills.rig.database import CellDatabase
from tests.drills.rig.fleet import Fleet
from tests.drills.rig.kinds import Ground, Kind, Way, back, struck
from tests.drills.rig.refold import Refold
from tests.drills.rig.report import Findings
from tests.drills.rig.speaker import Speaker
from tests.drills.rig.steady import POOL, SteadyLoad

WHOLE_S: Final = 90.0
"""Until everything does its part again, on a busy machine."""
TAKE_OVER_S: Final = {Kind.OWNER: 5.0, Kind.OWNER_IN_COMMIT: 5.0}
"""SIGSTOP lasts at least so long, because a lease of 3 s has to run out."""

SERVED_COUNT: Final = "requests served"
ERRORS_COUNT: Final = "client errors"
WORDS_COUNT: Final = "words answered"
COPIES_COUNT: Final = "copies in the log"

SERVED: Final = "no client error where a healthy target existed"
FORWARD: Final = "no gateway ever went back in version"
HEARD: Final = "no operator's word was refused or met a mistake of the program"
ALONE: Final = "gateways that were started while all else was away served from their file"


class Pace(Struct, frozen=True, kw_only=True):
    """How fast everything goes."""

    stop_s: float = 15.0
    down_s: tuple[float, float] = (0.2, 5.0)
    """How long a killed one is away, drawn evenly."""
    quiet_s: float = 1.0
    """Load between two rounds."""
    ask_s: float = 0.08
    speak_s: float = 0.15


class Round(Struct, kw_only=True):
    """What came of one."""

    back_s: float = 0.0
    """Until the victim answered again."""
    in_force_s: float = 0.0
    whole_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    verdict: bool = False
    whole: bool = False
    """The cell came back and may be struck again."""

    @property
    def told(self) -> str:
        """For people who watch."""
        verdict = "ok" if self.verdict else "MISSED"
        times = (
            f"back after {self.back_s} s, in force after {self.in_force_s} s, whole after {self.whole_s} s"
        )
        return f"{verdict}, {times}, {self.counts}"


class Rounds:
    """A cell under load."""

    def __init__(
        self,
        cell: Cell,
        kafka: KafkaCluster,
        server: PostgresServer,
        *,
        findings: Findings,
        draw: random.Random,
        pace: Pace,
    ) -> None:
        self._cell = cell
        self._kafka = kafka
        self._server = server
        self._findings = findings
        self._draw = draw
        self._pace = pace
        self._database = CellDatabase(cell.database_url or "")
        self._log = KafkaEventLog(cell.connection, cell.topics)
        self._refold = Refold(self._log)
        self._audit = Audit(self._database, self._refold, findings)
        self._targets: tuple[str, ...] = ()
        self._known: dict[str, int] = {}

    @asynccontextmanager
    async def under_load(self, *, gateways: int, targets: Sequence[str]) -> AsyncIterator[Self]:
        """Everything started, asked and decided about until the body ends."""
        self._targets = tuple(targets)
        async with Fleet(self._cell, gateways=gateways) as fleet:
            self._fleet = fleet
            self._load = SteadyLoad(fleet.gateways, self._draw, pause_s=self._pace.ask_s)
            self._speaker = Speaker(fleet.controls, self._draw, targets=targets, pool=POOL)
            await until(fleet.all_ready, timeout_s=WHOLE_S, what="all processes to be ready")
            works = [self._load.keep_asking()]
            works += [self._speaker.keep_speaking(self._pace.speak_s) for _ in fleet.controls]
            tasks = [asyncio.create_task(work) for work in works]
            try:
                await self._settled()
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._load.close()
                await self._log.close()

    async def end(self) -> None:
        """What is held against one another once, after the last round."""
        try:
            await self._audit.told(self._cell)
        except Exception as error:  # noqa: BLE001  told with everything that came before it
            self._findings.check("the transitions topic was read", held=False, seen=repr(error))

    async def play(self, kind: Kind, way: Way, number: int) -> Round:
        """One round; what is missed stands in the findings."""
        done, missed = Round(), len(self._findings.missed)
        await asyncio.sleep(self._pace.quiet_s)
        try:
            await self._strike(kind, way, number, done)
            done.whole = True
        except Exception as error:  # noqa: BLE001  told with everything that came before it
            name = f"the cell came back: {kind.value}, {way.value}"
            self._findings.check(name, held=False, seen=repr(error))
        self._judge()
        done.counts = self._counted()
        done.verdict = len(self._findings.missed) == missed
        return done

    async def _strike(self, kind: Kind, way: Way, number: int, done: Round) -> None:
        ground = Ground(
            fleet=self._fleet,
            kafka=self._kafka,
            server=self._server,
            database=self._database,
            number=number,
        )
        async with struck(kind, way, ground) as victim:
            began = monotonic()
            word = asyncio.create_task(self._in_force())
            try:
                await self._let_pass(kind, way, began)
                await back(victim, way)
                done.back_s = round(monotonic() - began, 2)
                await word
                done.in_force_s = round(word.result() - began, 2)
                await self._settled()
                done.whole_s = round(monotonic() - began, 2)
            finally:
                word.cancel()

    async def _let_pass(self, kind: Kind, way: Way, began: float) -> None:
        """The victim stays as it is meanwhile."""
        if kind is Kind.ALL:
            served = self._load.served
            for gateway in self._fleet.gateways:
                gateway.kill()
                await gateway.start()
            await until(lambda: self._load.served > served, timeout_s=WHOLE_S, what="an answer")
            self._findings.check(ALONE, held=True)
        lasts_s = self._draw.uniform(*self._pace.down_s)
        if way is Way.STOP:
            lasts_s = max(self._pace.stop_s, TAKE_OVER_S.get(kind, 0.0))
        await asyncio.sleep(max(0.0, lasts_s - (monotonic() - began)))

    async def _in_force(self) -> float:
        """Say a word; when it was in force at every gateway that was not struck then."""
        word = await self._speaker.say()
        sql = "SELECT log_position FROM journal WHERE position = $1"
        place: int = await until(
            lambda: self._database.ask(sql, word.position), timeout_s=WHOLE_S, what="a word to be in the log"
        )
        await until(lambda: self._routed_by(place), timeout_s=WHOLE_S, what="a word to be in force")
        return monotonic()

    async def _routed_by(self, position: int) -> bool:
        held = all(gateway.position >= position for gateway in self._fleet.serving)
        await asyncio.sleep(0 if held else 0.02)
        return held

    async def _settled(self) -> None:
        """Everything whole, and everything held against everything."""
        await until(self._fleet.all_ready, timeout_s=WHOLE_S, what="all processes to be ready")
        async with self._speaker.silence():
            head = int((await self._database.rows("SELECT coalesce(max(position), 0) FROM journal"))[0][0])
            await self._caught_up(head)
            last = await self._database.ask("SELECT max(log_position) FROM journal")
            said, self._speaker.said = self._speaker.said, []
            await self._audit.words(said, head, last)
            await until(lambda: self._routed_by(last), timeout_s=WHOLE_S, what="all gateways to catch up")
            await self._audit.shown(self._fleet.controls, self._targets, f"j{head}")
        await self._audit.views()

    async def _caught_up(self, head: int) -> None:
        """The log has every decision, and the views have the last of them."""
        unpublished = "SELECT NOT EXISTS (SELECT FROM journal WHERE log_position IS NULL AND position <= $1)"
        await until(
            lambda: self._database.ask(unpublished, head), timeout_s=WHOLE_S, what="all to be published"
        )
        behind = "SELECT position >= (SELECT max(log_position) FROM journal) FROM projection WHERE name = $1"
        await until(
            lambda: self._database.ask(behind, PROJECTION), timeout_s=WHOLE_S, what="the views to catch up"
        )

    def _judge(self) -> None:
        """What is watched all the time."""
        for gateway in self._fleet.gateways:
            gateway.look()
        back_at = [one for gateway in self._fleet.gateways for one in gateway.went_back]
        back_at += self._load.went_back
        check = self._findings.check
        check(FORWARD, held=not back_at, seen=back_at[:3])
        check(SERVED, held=not self._load.errors, seen=self._load.errors[:3])
        check(HEARD, held=not self._speaker.refused, seen=self._speaker.refused[:3])
        for gateway in self._fleet.gateways:
            gateway.went_back.clear()
        self._load.went_back.clear()
        self._load.errors.clear()
        self._speaker.refused.clear()

    def _counted(self) -> dict[str, int]:
        """Since the round before."""
        load, speaker, order = self._load, self._speaker, self._refold.order
        now = {
            SERVED_COUNT: load.served,
            "requests cut with their own gateway": load.cut,
            ERRORS_COUNT: load.failed,
            WORDS_COUNT: speaker.answered,
            "words heard before their first answer got lost": speaker.repeated,
            "tries of a word without an answer": speaker.unheard,
            "events": self._refold.position,
            COPIES_COUNT: order.copied_decisions + order.copied_facts,
            "facts missing from a sequence": order.lost_facts,
            "snapshots in force": sum(gateway.swaps for gateway in self._fleet.gateways),
        }
        counts = {name: value - self._known.get(name, 0) for name, value in now.items()}
        self._known = now
        return counts
