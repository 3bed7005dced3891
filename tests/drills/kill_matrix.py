"""Each part of a cluster, killed and stopped again and again under load, and what must hold after each round.

A cell of real services: gateways with steady clients, two projectors, two control planes with operators who
keep deciding, a real Kafka and PostgreSQL of the drill's own. A round strikes one kind in one way (kill -9
and a start, or SIGSTOP and SIGCONT), waits until a word said after the blow is in force and everything is
whole again, and then holds log, journal, views, answers and snapshots against one another (rig/audit.py).
A broken-off run goes on where it stopped, on a fresh cell; `--fresh` begins anew.
"""

import argparse
import asyncio
import random
import shutil
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from msgspec import Struct, field

from benchmarks.report import ROOT
from interlock_testing.behaviour import Schedule, cut, fail, healthy, repeating
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import (
    LocalKafka,
    LocalPostgres,
    Missing,
    find_local_kafka,
    find_local_postgres,
)
from interlock_testing.upstream import SimulatedProvider
from tests.drills.rig.cell import Cell
from tests.drills.rig.kinds import BROKERS, Kind, Way
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.rounds import (
    COPIES_COUNT,
    ERRORS_COUNT,
    SERVED_COUNT,
    WORDS_COUNT,
    Pace,
    Round,
    Rounds,
)

LINE: Final = "kill-matrix"
TABLE: Final = "struck"
TABLED: Final = (SERVED_COUNT, ERRORS_COUNT, WORDS_COUNT, COPIES_COUNT)
"""Counts that the table has beside the times; all of them stand in the sums."""
OK: Final = healthy(latency_ms=2)
ACTED_ON: Final = ("cirrus/large", "delta/large")
"""Operators speak of these alone; they never fail by themselves."""
SCHEDULES: Final[dict[str, Schedule]] = {
    "well": repeating([(9.0, OK)]),
    "flaky": repeating([(4.0, OK), (1.5, fail(500)), (3.0, OK), (1.0, cut(after=0))]),
    "cirrus": repeating([(9.0, OK)]),
    "delta": repeating([(9.0, OK)]),
}
CONFIG: Final = """
providers:
{providers}
pools:
  chat:
    strategy: weighted_random
    members: [{{target: flaky/large}}, {{target: cirrus/large}}, {{target: delta/large}},
              {{target: well/large}}]
policy:
  attempts: {{backoff: {{initial: 5ms, max: 20ms}}}}
  cooldown: {{initial: 2s, max: 5s, span_time: 1s}}
  half_open: {{probe_interval: 500ms, ramp: 1s}}
  budgets: {{retry_floor_per_s: 100}}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How often each kind is struck in each way, and how it is done."""

    seed: int = 1
    rounds: int = 20
    kinds: tuple[Kind, ...] = tuple(Kind)
    ways: tuple[Way, ...] = tuple(Way)
    gateways: int = 4
    pace: Pace = Pace()


class Progress(Struct, kw_only=True):
    """What a run that was broken off goes on from; results by kind and way."""

    seed: int
    pace: Pace = Pace()
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    failed_checks: dict[str, bool] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    """What ran the rounds so far."""


class Drill:
    """One run; `kafka` and `postgres` are started for it, and again for a cell of another size."""

    def __init__(
        self,
        options: Options,
        folder: Path,
        progress: Progress,
        *,
        kafka: LocalKafka,
        postgres: LocalPostgres,
    ) -> None:
        self._options = options
        self._folder = folder
        self._kafka = kafka
        self._postgres = postgres
        self.progress = progress
        self.findings = Findings(checks=progress.failed_checks, missed=progress.missed)

    async def run(self) -> Findings:
        """Everything that is left, one cell after the other."""
        for brokers in sorted({BROKERS[kind] for kind in self._options.kinds}):
            kinds = [kind for kind in self._options.kinds if BROKERS[kind] == brokers]
            left = list(self._left(kinds))
            if left and not await self._in_cell(brokers, left):
                break
        self._tell()
        return self.findings

    def _left(self, kinds: Sequence[Kind]) -> Iterable[tuple[Kind, Way, int]]:
        """Every kind and way once, then every one again: a broken-off run has seen them all."""
        for number in range(self._options.rounds):
            for kind in kinds:
                for way in self._options.ways:
                    if len(self.progress.rounds.get(name_of(kind, way), ())) <= number:
                        yield kind, way, number

    async def _in_cell(self, brokers: int, left: Sequence[tuple[Kind, Way, int]]) -> bool:
        """False when the cell did not come back: then no further round would mean anything."""
        folder = self._folder / f"cell-{brokers}"
        shutil.rmtree(folder, ignore_errors=True)
        draw = random.Random(f"{self._options.seed}:{brokers}:{left[0]}")
        async with AsyncExitStack() as stack:
            rounds = await stack.enter_async_context(self._opened(folder, brokers, draw))
            for kind, way, number in left:
                done = await rounds.play(kind, way, number)
                self.progress.rounds.setdefault(name_of(kind, way), []).append(done)
                self._save()
                print(f"round {number + 1} of {name_of(kind, way)}: {done.told}", flush=True)
                if not done.whole:
                    return False
            await rounds.end()
        return True

    @asynccontextmanager
    async def _opened(self, folder: Path, brokers: int, draw: random.Random) -> AsyncIterator[Rounds]:
        folder.mkdir(parents=True)  # noqa: ASYNC240 (one call, before anything runs)
        kafka, server = self._kafka.cluster(folder / "kafka", brokers=brokers), self._postgres.server()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(kafka.stop)
            stack.push_async_callback(server.remove)
            await asyncio.gather(kafka.start(), server.start())
            topics = fresh_topics()
            await create_topics(kafka.bootstrap, topics, replication=brokers)
            url = await stack.enter_async_context(server.database())
            (folder / "interlock.yaml").write_text(await _config(stack), encoding="utf-8")
            cell = Cell(folder=folder, bootstrap=kafka.bootstrap, topics=topics, database_url=url)
            rounds = Rounds(cell, kafka, server, findings=self.findings, draw=draw, pace=self._options.pace)
            yield await stack.enter_async_context(
                rounds.under_load(gateways=self._options.gateways, targets=ACTED_ON)
            )

    def _save(self) -> None:
        self.progress.failed_checks, self.progress.missed = self.findings.checks, self.findings.missed
        fresh = self._folder / "progress.json.new"
        fresh.write_bytes(msgspec.json.encode(self.progress))
        fresh.replace(self._folder / "progress.json")

    def _tell(self) -> None:
        every = [one for found in self.progress.rounds.values() for one in found]
        self.findings.counts |= {"rounds": len(every), **_summed(every)}
        self.findings.figures[TABLE] = {name: _figures(found) for name, found in self.progress.rounds.items()}
        for name, found in self.progress.rounds.items():
            held = all(one.verdict for one in found)
            self.findings.check(f"every round of {name}", held=held)
        expected = len(self._options.kinds) * len(self._options.ways) * self._options.rounds
        self.findings.check("every round was played", held=len(every) == expected, seen=len(every))


def name_of(kind: Kind, way: Way) -> str:
    """Kind and way as they stand in the report."""
    return f"{kind.value}, {way.value}"


def _summed(found: Sequence[Round]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found:
        for name, value in one.counts.items():
            counts[name] = counts.get(name, 0) + value
    return counts


def _figures(found: Sequence[Round]) -> dict[str, Any]:
    """One row of the report's table."""
    back, in_force, whole = zip(*((one.back_s, one.in_force_s, one.whole_s) for one in found), strict=True)
    counts = _summed(found)
    return {
        "rounds": len(found),
        "victim back, p50 s": _p50(back),
        "word in force, p50 s": _p50(in_force),
        "word in force, max s": max(in_force),
        "whole, p50 s": _p50(whole),
        "whole, max s": max(whole),
        **{name: counts.get(name, 0) for name in TABLED},
        "verdict": "ok" if all(one.verdict for one in found) else "missed",
    }


def _p50(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


async def _config(stack: AsyncExitStack) -> str:
    listed = []
    for name, schedule in SCHEDULES.items():
        provider = await stack.enter_async_context(SimulatedProvider(name, schedule=schedule))
        listed.append(f"  {name}: {{base_url: '{provider.url}', api_key: none, apis: [chat]}}")
    return CONFIG.format(providers="\n".join(listed))


def resumed(folder: Path, options: Options) -> Progress:
    """What an earlier run of the same seed and pace left unfinished, else a new beginning."""
    try:
        found = msgspec.json.decode((folder / "progress.json").read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError):
        found = None
    full = len(options.kinds) * len(options.ways) * options.rounds
    same = found is not None and (found.seed, found.pace) == (options.seed, options.pace)
    if found is not None and same and sum(map(len, found.rounds.values())) < full:
        return found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Progress(seed=options.seed, pace=options.pace)


def _options() -> tuple[Options, bool]:
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--rounds", type=int, default=20, help="of each kind in each way")
    wanted.add_argument("--kinds", nargs="+", choices=[kind.name for kind in Kind], metavar="KIND")
    wanted.add_argument("--ways", nargs="+", choices=[way.name for way in Way], metavar="WAY")
    wanted.add_argument("--pause-s", type=float, default=Pace().stop_s, help="how long SIGSTOP lasts")
    wanted.add_argument("--fresh", action="store_true", help="forget what an earlier run left unfinished")
    args = wanted.parse_args()
    options = Options(
        seed=args.seed,
        rounds=args.rounds,
        kinds=tuple(Kind[name] for name in args.kinds or Kind.__members__),
        ways=tuple(Way[name] for name in args.ways or Way.__members__),
        pace=msgspec.structs.replace(Pace(), stop_s=args.pause_s),
    )
    return options, args.fresh


def main() -> None:
    """Run at full size and write reports/kill-matrix.json."""
    (options, fresh), folder = _options(), ROOT / "reports/tmp/kill-matrix"
    kafka, postgres = find_local_kafka(service_settings()), find_local_postgres()
    for found in (kafka, postgres):
        if isinstance(found, Missing):
            raise SystemExit(found.line)
    assert isinstance(kafka, LocalKafka)
    assert isinstance(postgres, LocalPostgres)
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    progress = resumed(folder, options)
    report = Report(LINE, seed=options.seed, full=options == Options(seed=options.seed))
    if progress.rounds:
        print(f"going on after {sum(map(len, progress.rounds.values()))} rounds")
        report.commits = list(dict.fromkeys([*progress.commits, *report.commits]))
    progress.commits = report.commits
    try:
        findings = uvloop.run(_stoppable(Drill(options, folder, progress, kafka=kafka, postgres=postgres)))
    except asyncio.CancelledError:
        raise SystemExit("stopped: run it again and it goes on") from None
    raise SystemExit(report.tell(findings))


async def _stoppable(drill: Drill) -> Findings:
    """However it is told to end, nothing that it started may live on, least of all what stands still."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await drill.run()


if __name__ == "__main__":
    main()
