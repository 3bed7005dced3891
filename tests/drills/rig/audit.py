"""After each round: the log, the journal, the views and what people are shown, held against one another.

Rule: everything is compared with the log as the drill folds it (refold.py) and with the answers that people
got, never one answer of the program with another. A check that fails says what was seen and the run goes on.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec

from interlock_domain import digest
from interlock_domain.recorded import RecordedEvent
from interlock_testing.waiting import until
from tests.drills.rig.book import Book, moment
from tests.drills.rig.cell import Cell, ControlProcess
from tests.drills.rig.database import CellDatabase
from tests.drills.rig.refold import Refold
from tests.drills.rig.report import Findings
from tests.drills.rig.topic import whole_topic
from tests.drills.rig.word import Word

PROJECTION: Final = "routing-1"
SHOWN_S: Final = 60.0

KEPT: Final = "no answered word is lost: it stands in the journal and once in the log, with its content"
ORDERED: Final = "decisions of a stream are contiguous and in order in the log"
ONCE: Final = "nothing is applied twice: the fold is the same without the copies"
EQUAL: Final = "view rows equal fold(log) by hash"
OBSERVED: Final = "what was observed is kept once each, as the fold observed it"
TOLD: Final = "every transition is on its topic, those of a subject in order"
WHOLE: Final = "the journal has no hole, and the log has every entry where the journal says"
UNBROKEN: Final = "every position of the log was read once"
REPORTED: Final = "no fact is missing from the sequence of a gateway's boot"
REFUSED: Final = "no gateway refused a snapshot"

_VIEW: Final = """
SELECT p.position, v.key, v.row FROM projection p LEFT JOIN view v ON v.projection = p.name
WHERE p.name = $1
"""
_TRANSITIONS: Final = """
SELECT position, n, kind, subject FROM transition
WHERE projection = $1 AND position > $2 AND position <= $3 ORDER BY position, n
"""
_ALL_TOLD: Final = """
SELECT NOT EXISTS (SELECT FROM transition WHERE projection = $1 AND NOT published AND position <= $2)
"""
_JOURNAL: Final = """
SELECT position, id, stream, version, log_position FROM journal
WHERE position > $1 AND position <= $2 ORDER BY position
"""


class Audit:
    """Goes on where the last look ended; a fact is looked at once."""

    def __init__(self, database: CellDatabase, refold: Refold, findings: Findings) -> None:
        self.refold = refold
        self.book = Book()
        self._database = database
        self._findings = findings
        self._journal = 0
        self._view = 0
        self._observed: list[tuple[str, tuple[int, int]]] = []

    async def words(self, said: Sequence[Word], journal_head: int, log_position: int) -> None:
        """Each answered word in the journal and in the log; then it is in the book."""
        await self.refold.to(log_position)
        entries = await self._entries(journal_head)
        for word in sorted(said, key=lambda one: one.position or 0):
            found = self.refold.by_reason.get(word.reason, [])
            entry = entries.get(word.position or 0)
            held = len(found) == 1 and entry is not None and _is_it(word, found[0], entry)
            self._findings.check(KEPT, held=held, seen=(word, found, entry))
            if found:
                word.recorded_ms = found[0].recorded_ms
                self.book.enter(word)

    async def shown(self, controls: Sequence[ControlProcess], targets: Sequence[str], told: str) -> None:
        """What every control plane shows of those targets is what operators said."""
        providers = {target.partition("/")[0] for target in targets}
        for control in controls:
            await _state(control, told)
            state, now_ms = await moment(partial(_state, control, told))
            state["targets"] = [one for one in state["targets"] if one["id"] in targets]
            state["providers"] = [one for one in state["providers"] if one["name"] in providers]
            self.book.compare(state, self.refold.state, now_ms, self._findings)

    async def views(self) -> None:
        """Rows and transitions of one moment, against the fold at their position."""
        found = await self._database.rows(_VIEW, PROJECTION)
        position = int(found[0]["position"])
        rows = {row["key"]: bytes(row["row"]) for row in found if row["key"] is not None}
        if position < self.refold.position:
            raise AssertionError(f"the views stand at {position}, the drill at {self.refold.position}")
        await self.refold.to(position)
        folded, without = self.refold.digests()
        seen = digest.table_digest(rows)
        check = self._findings.check
        check(EQUAL, held=seen == folded, seen=(position, seen, folded))
        check(ONCE, held=folded == without, seen=(position, folded, without))
        order = self.refold.order
        check(ORDERED, held=not order.torn, seen=order.torn[:3])
        check(REFUSED, held=not order.rejected, seen=order.rejected[:3])
        check(UNBROKEN, held=not order.holes, seen=order.holes[:3])
        check(REPORTED, held=not order.lost, seen=order.lost[:3])
        for found in (order.torn, order.rejected, order.holes, order.lost):
            found.clear()
        await self._transitions(position)

    async def _transitions(self, position: int) -> None:
        kept = await self._database.rows(_TRANSITIONS, PROJECTION, self._view, position)
        expected = [(one.position, one.n, one.kind.value, one.subject) for one in self.refold.effects]
        seen = [tuple(row) for row in kept]
        differ = sorted(set(seen) ^ set(expected))[:5]
        self._findings.check(OBSERVED, held=seen == expected, seen=(len(seen), len(expected), differ))
        self._observed += [(one.subject, (one.position, one.n)) for one in self.refold.effects]
        self.refold.effects.clear()
        self._view = position

    async def told(self, cell: Cell) -> None:
        """The transitions topic, once what was observed has left; copies are allowed, as everywhere."""
        await until(
            lambda: self._database.ask(_ALL_TOLD, PROJECTION, self._view),
            timeout_s=SHOWN_S,
            what="all transitions to be on their topic",
        )
        seen: dict[str, dict[tuple[int, int], None]] = {}
        for _, record in await whole_topic(cell.connection, cell.topics.transitions):
            _, position, n = dict(record.headers)["id"].decode().rsplit(":", 2)
            seen.setdefault((record.key or b"").decode(), {})[int(position), int(n)] = None
        expected: dict[str, list[tuple[int, int]]] = {}
        for subject, place in self._observed:
            expected.setdefault(subject, []).append(place)
        for subject, places in expected.items():
            found = [place for place in seen.get(subject, {}) if place[0] <= self._view]
            differ = sorted(set(found) ^ set(places))[:5]
            self._findings.check(TOLD, held=found == places, seen=(subject, len(found), len(places), differ))

    async def _entries(self, head: int) -> dict[int, Any]:
        rows = await self._database.rows(_JOURNAL, self._journal, head)
        numbers = [row["position"] for row in rows]
        wrong = [dict(row) for row in rows if not self._stands(row)]
        held = numbers == list(range(self._journal + 1, head + 1)) and not wrong
        self._findings.check(WHOLE, held=held, seen=(self._journal, head, len(numbers), wrong[:3]))
        self._journal = head
        return {row["position"]: row for row in rows}

    def _stands(self, row: Any) -> bool:
        there = self.refold.decisions.get(row["log_position"])
        told = (row["id"], row["stream"], row["version"])
        return there is not None and (there.id, there.stream, there.version) == told


def _is_it(word: Word, recorded: RecordedEvent, entry: Any) -> bool:
    document: dict[str, Any] = msgspec.to_builtins(recorded.event)
    kind = document.pop("type")
    same = (recorded.id, recorded.version) == (entry["id"], word.version)
    return same and (kind, document) == (word.type, word.data)


async def _state(control: ControlProcess, told: str) -> dict[str, Any]:
    async def shown() -> dict[str, Any]:
        answer = await control.http.get("/state", params={"min_position": told})
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    found: dict[str, Any] = await until(shown, timeout_s=SHOWN_S, what=f"{control.url} to show {told}")
    return found
