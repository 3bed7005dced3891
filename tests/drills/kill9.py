"""kill -9 of a quickstart at random moments under writes, and what must be there afterwards.

Each round: operators' words over HTTP and requests that fail, a kill at a random moment, then the file at
rest (every answered word stands in the log with its content, the view rows equal fold(log) by hash), then a
start on the same file (states and cooldowns in force, remaining times right, no row to repair). One data
folder through all rounds. A broken-off run goes on where it stopped; `--fresh` begins anew.
"""

import argparse
import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct, field

from benchmarks.report import ROOT
from interlock_domain.projection.state import empty_state
from interlock_domain.recorded import RecordedEvent
from interlock_testing.behaviour import Schedule, fail, healthy, repeating
from interlock_testing.upstream import SimulatedProvider
from tests.drills.rig.book import Book, moment
from tests.drills.rig.client import ChatClient
from tests.drills.rig.quickstart import Quickstart, document
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.rest import Compared, compare, copy, events, opened
from tests.drills.rig.word import Word, draw_word

LINE: Final = "kill9"
LATEST_S: Final = 1.2
"""A kill comes 0.02 s to this long after the first write of a round."""
START_KILLS: Final = 0.15
"""Share of rounds in which the start itself is killed once before: recovery must survive its own end."""
WRITERS: Final = 3
WORD_PAUSE_S: Final = 0.03
REQUESTS: Final = 3
REQUEST_PAUSE_S: Final = 0.02
ACTED_ON: Final = ("cirrus/large", "delta/large", "atlas/small")
"""The others are left to fail by themselves, so that learned cooldowns are in force too."""
OK: Final = healthy(latency_ms=2)
SCHEDULES: Final[dict[str, Schedule]] = {
    "atlas": repeating([(1.0, OK), (2.0, fail(500))]),
    "breeze": repeating([(2.0, OK), (1.5, fail(429, headers={"retry-after": "7"}))]),
    "cirrus": repeating([(9.0, OK)]),
    "delta": repeating([(3.0, OK), (1.0, fail(500))]),
}
CONFIG: Final = """
providers:
{providers}
pools:
  chat:
    strategy: weighted_random
    members: [{{target: atlas/large}}, {{target: breeze/large}}, {{target: cirrus/large}},
              {{target: delta/large}}, {{target: atlas/small}}]
policy:
  attempts: {{backoff: {{initial: 5ms, max: 20ms}}}}
  cooldown: {{initial: 5s, max: 20s, span_time: 1s}}
  half_open: {{probe_interval: 500ms, ramp: 1s}}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How many kills, and the seed of their moments and of every word."""

    seed: int = 1
    rounds: int = 200


class Progress(Struct, kw_only=True):
    """What a run that was broken off goes on from."""

    seed: int
    done: int = 0
    ports: dict[str, int] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    answered: int = 0
    heard_unanswered: int = 0
    requests: int = 0
    start_kills: int = 0
    checked: dict[str, int] = field(default_factory=dict)
    worst_s: float = 0.0
    failed_checks: dict[str, bool] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    """What ran the rounds so far."""


class Drill:
    """One run over one data folder."""

    def __init__(self, options: Options, folder: Path, progress: Progress) -> None:
        self._options = options
        self._folder = folder
        self.progress = progress
        self.findings = Findings(checks=progress.failed_checks, missed=progress.missed)
        self._state = empty_state()
        self.head = 0

    async def run(self) -> Findings:
        """All rounds that are left, and a last start and clean stop."""
        async with AsyncExitStack() as stack:
            served = Quickstart(self._folder, await self._config(stack))
            stack.callback(served.kill)
            if self.progress.done:
                await self._at_rest(served)
            while self.progress.done < self._options.rounds:
                await self._round(served, random.Random(f"{self._options.seed}:{self.progress.done}"))
                self.progress.done += 1
                self._save()
            await self._start(served)
            ended = await served.stop()
            self.findings.check("a clean stop ends with 0", held=ended == 0, seen=ended)
            await self._at_rest(served)
        self._count()
        return self.findings

    async def _config(self, stack: AsyncExitStack) -> str:
        listed = []
        for name, schedule in SCHEDULES.items():
            provider = SimulatedProvider(name, schedule=schedule)
            await provider.start(self.progress.ports.get(name, 0))
            stack.push_async_callback(provider.stop)
            self.progress.ports[name] = provider.port
            listed.append(f"  {name}: {{base_url: '{provider.url}', api_key: none, apis: [chat]}}")
        return CONFIG.format(providers="\n".join(listed))

    async def _round(self, served: Quickstart, draw: random.Random) -> None:
        if draw.random() < START_KILLS and self.progress.done:
            self.progress.start_kills += 1
            starting = asyncio.create_task(served.start())
            await asyncio.sleep(draw.uniform(0.1, 1.2))
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            served.kill()
        await self._start(served)
        async with self._writing(served, draw):
            await asyncio.sleep(draw.uniform(0.02, LATEST_S))
            served.kill()
        await self._at_rest(served)

    async def _start(self, served: Quickstart) -> None:
        """Start on the file and hold what is shown against the book."""
        await served.start()
        async with served.admin() as admin:
            shown, now_ms = await moment(partial(document, admin, "/state"))
            repaired = (await document(admin, "/projections"))[0]["repaired"]
        self.findings.check("no view row had to be repaired", held=repaired == 0, seen=repaired)
        book = Book(checked=self.progress.checked, worst_s=self.progress.worst_s)
        for word in sorted(self.progress.words, key=lambda word: word.position or 0):
            book.enter(word)
        book.compare(shown, self._state, now_ms, self.findings)
        self.progress.worst_s = book.worst_s

    @asynccontextmanager
    async def _writing(self, served: Quickstart, draw: random.Random) -> AsyncIterator[None]:
        """Words and requests until the body ends; they then run into the dead process and so end."""
        over, client = asyncio.Event(), ChatClient(f"{served.url}/v1")
        said: list[Word] = []

        async def speak(admin: httpx2.AsyncClient, number: int) -> None:
            while not over.is_set():
                said.append(draw_word(draw, f"r{self.progress.done}-{number}-{len(said)}", ACTED_ON, "chat"))
                await said[-1].say(admin)
                await asyncio.sleep(WORD_PAUSE_S)

        async def ask() -> None:
            while not over.is_set():
                await client.ask("chat", tools=draw.random() < 0.3)
                self.progress.requests += 1
                await asyncio.sleep(REQUEST_PAUSE_S)

        async with served.admin() as admin:
            tasks = [asyncio.create_task(speak(admin, number)) for number in range(WRITERS)]
            tasks += [asyncio.create_task(ask()) for _ in range(REQUESTS)]
            try:
                yield
            finally:
                over.set()
                await asyncio.gather(*tasks)
                await client.close()
        self.progress.words += said

    async def _at_rest(self, served: Quickstart) -> None:
        """The file alone: words, rows, and the learned rests for the next start."""
        found = await compare(served.database)
        same = found.view_digest == found.fold_digest
        if not self.findings.check("view rows equal fold(log) by hash", held=same, seen=_digests(found)):
            copy(served.database, self._folder / f"differs-{self.progress.done}.db")
        self._state, self.head = found.state, found.head
        decisions = await _decisions(served.database)
        for word in self.progress.words:
            self._look_up(word, decisions)
        self.progress.words = [word for word in self.progress.words if word.recorded_ms is not None]

    def _look_up(self, word: Word, decisions: dict[str, RecordedEvent]) -> None:
        recorded = decisions.get(word.reason)
        fresh = word.recorded_ms is None
        if word.position is None:
            if recorded is None:
                return
            self.progress.heard_unanswered += 1
            word.position, word.version = recorded.position, recorded.version
        elif fresh:
            self.progress.answered += 1
        held = recorded is not None and _is_it(word, recorded)
        self.findings.check("no answered word is lost", held=held, seen=(word, recorded))
        if recorded is not None:
            word.recorded_ms = recorded.recorded_ms

    def _save(self) -> None:
        self.progress.failed_checks, self.progress.missed = self.findings.checks, self.findings.missed
        fresh = self._folder / "progress.json.new"
        fresh.write_bytes(msgspec.json.encode(self.progress))
        fresh.replace(self._folder / "progress.json")

    def _count(self) -> None:
        progress, checked = self.progress, self.progress.checked
        self.findings.counts |= {
            "kills under writes": progress.done,
            "kills during a start": progress.start_kills,
            "words answered": progress.answered,
            "words in the log without an answer": progress.heard_unanswered,
            "requests": progress.requests,
            "events in the log": self.head,
            "checked after restarts": checked,
        }
        self.findings.figures["largest error of a remaining time, s"] = progress.worst_s
        for kind in ("manual states", "operator cooldowns", "heuristic cooldowns", "stated cooldowns"):
            self.findings.check(f"there were {kind} to check", held=checked.get(kind, 0) > 0)


def _is_it(word: Word, recorded: RecordedEvent) -> bool:
    document: dict[str, Any] = msgspec.to_builtins(recorded.event)
    kind = document.pop("type")
    place = (recorded.position, recorded.version)
    return (kind, document, place) == (word.type, word.data, (word.position, word.version))


def _digests(found: Compared) -> tuple[int, int, str, str]:
    return found.position, found.head, found.view_digest, found.fold_digest


async def _decisions(database: Path) -> dict[str, RecordedEvent]:
    """Operators' events by their reason."""
    async with opened(database) as (log, _):
        return {e.reason: e async for page in events(log) for e in page if e.reason and e.version is not None}


def resumed(folder: Path, options: Options) -> Progress:
    """What an earlier run of the same seed left unfinished, else a new beginning."""
    try:
        found = msgspec.json.decode((folder / "progress.json").read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError):
        found = None
    if found is not None and found.seed == options.seed and found.done < options.rounds:
        return found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Progress(seed=options.seed)


def main() -> None:
    """Run at full size and write reports/kill9.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--rounds", type=int, default=200)
    wanted.add_argument("--fresh", action="store_true", help="forget what an earlier run left unfinished")
    args = wanted.parse_args()
    options, folder = Options(seed=args.seed, rounds=args.rounds), ROOT / "reports/tmp/kill9"
    if args.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    progress = resumed(folder, options)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    if progress.done:
        print(f"going on after round {progress.done}")
        report.commits = [*progress.commits, *report.commits]
    progress.commits = report.commits
    findings = asyncio.run(Drill(options, folder, progress).run())
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
