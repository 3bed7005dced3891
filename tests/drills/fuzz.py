"""Bent bytes for half an hour: scanners, request readers, answers, errors, the upstream parser, a gateway.

Each target is a process of its own, as many at once as there are cores. atheris drives it where it is
installed (it follows the branches of the code), else our own mutator. Nothing may leave its boundary as an
exception, take seconds, or grow; what has no end is held within its bound. A finding is a file:

    python -m tests.drills.fuzz --replay "waits" reports/tmp/fuzz/findings/0123456789abcdef
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any, Final

import msgspec
import uvloop
from msgspec import Struct, field

from benchmarks.report import ROOT
from tests.drills.rig.fuzz_all import TARGETS
from tests.drills.rig.fuzz_bounds import FED, Held, bounds
from tests.drills.rig.fuzz_input import file_name
from tests.drills.rig.fuzz_live import search_live
from tests.drills.rig.fuzzing import Finding, Searched, search
from tests.drills.rig.report import Findings, Report

LINE: Final = "fuzz"
LIVE: Final = "a gateway over sockets"
BOUNDS: Final = "bounds"
LIVE_SHARES: Final = 4
"""It waits on sockets most of the time, and it is where everything meets."""
MOST_GROWN_MB: Final = 96.0
"""Of the process of one target: caches of its library, its corpus, and what the allocator keeps."""
FOLDER: Final = ROOT / "reports/tmp/fuzz"

QUIET: Final = "no exception left its boundary, no promise was broken, every input ended in time"
BOUNDED: Final = "no search grew beyond its corpus"
HELD: Final = "what has no end was held within its bound"


class Options(Struct, frozen=True, kw_only=True):
    """For how long in all, and the seed of the draws."""

    seconds: float = 1_800.0
    seed: int = 1


class Job(Struct, frozen=True):
    """One search: of a target's name, for so long."""

    name: str
    seconds: float
    seed: int
    folder: str


class Progress(Struct):
    """A run as far as it has come."""

    run: str
    commits: list[str] = field(default_factory=list)
    searched: dict[str, Searched] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)


def jobs_of(options: Options, folder: Path) -> list[Job]:
    """The searches of a run, the longest first."""
    cores = os.cpu_count() or 1
    share = options.seconds * cores / (len(TARGETS) + LIVE_SHARES)
    searches = [Job(LIVE, share * LIVE_SHARES, options.seed, str(folder))]
    return searches + [Job(one.name, share, options.seed, str(folder)) for one in TARGETS]


def searched(job: Job) -> Searched:
    """One search, in a process of its own."""
    if job.name == LIVE:
        return uvloop.run(search_live(seconds=job.seconds, seed=job.seed))
    if has_atheris():
        return _by_atheris(job)
    target = next(one for one in TARGETS if one.name == job.name)
    return search(target, Path(job.folder) / "findings", seconds=job.seconds, seed=job.seed)


def has_atheris() -> bool:
    """Whether the better engine is here."""
    return importlib.util.find_spec("atheris") is not None


def _by_atheris(job: Job) -> Searched:
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / f"{file_name(job.name)}.json"
    told.unlink(missing_ok=True)
    words = [sys.executable, "-m", "tests.drills.rig.fuzz_atheris", job.name, job.folder, str(job.seconds)]
    log = folder / f"{file_name(job.name)}.log"
    with log.open("wb") as out:
        ended = subprocess.run(
            words, cwd=ROOT, stdout=out, stderr=out, check=False, timeout=job.seconds + 120
        )
    found = msgspec.json.decode(told.read_bytes(), type=Searched) if told.exists() else Searched(job.name)
    if ended.returncode or not found.inputs:
        what = f"atheris ended with {ended.returncode} after {found.inputs} inputs"
        found.findings.append(Finding(job.name, "the process", what, str(log)))
    return found


def measured(fed: int) -> list[Held]:
    """The bounds, in a process of their own: tracing slows everything beside it."""
    return list(bounds(fed=fed))


def run(options: Options, *, folder: Path = FOLDER, report: Report | None = None) -> Findings:
    """All searches that are not done yet, and the bounds; then the verdict."""
    path = folder / "progress.json"
    progress = _resumed(path, f"{options.seed}:{options.seconds}")
    if report is not None:
        report.commits = progress.commits = list(dict.fromkeys([*progress.commits, *report.commits]))
    began = monotonic()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        held = None if progress.held else pool.submit(measured, FED if options.seconds > 60 else FED // 16)
        running = [
            (job, pool.submit(searched, job))
            for job in jobs_of(options, folder)
            if job.name not in progress.searched
        ]
        if held is not None:
            progress.held = held.result()
        for job, future in running:
            progress.searched[job.name] = future.result()
            _keep(path, progress)
            print(f"{job.name}: {progress.searched[job.name].inputs} inputs", flush=True)
    path.unlink(missing_ok=True)
    return findings_of(progress, monotonic() - began)


def _resumed(path: Path, name: str) -> Progress:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError):
        return Progress(name)
    return found if found.run == name else Progress(name)


def _keep(path: Path, progress: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(progress))


def findings_of(progress: Progress, seconds: float) -> Findings:
    """The verdict, and what was searched."""
    findings = Findings()
    for one in progress.searched.values():
        told = [f"{found.where}: {found.what[:400]} ({found.path})" for found in one.findings]
        findings.check(QUIET, held=not one.findings, seen=(one.target, told))
        findings.check(BOUNDED, held=one.grown_mb <= MOST_GROWN_MB, seen=(one.target, one.grown_mb))
    for held in progress.held:
        findings.check(HELD, held=held.within, seen=(held.what, held.most, held.bound))
    findings.check("every target was searched", held=len(progress.searched) == len(TARGETS) + 1)
    findings.counts = {
        "inputs": sum(one.inputs for one in progress.searched.values()),
        "findings": sum(len(one.findings) for one in progress.searched.values()),
        "engine": "atheris" if has_atheris() else "our own mutator",
    }
    rows: dict[str, dict[str, Any]] = {
        one.target: {
            "inputs": one.inputs,
            "kept, or ways to end": one.ways,
            "slowest, ms": one.slowest_ms,
            "grown, MB": one.grown_mb,
        }
        for one in progress.searched.values()
    }
    most = {
        held.what: {"fed, MiB": held.fed, "most, MiB": held.most, "bound": held.bound}
        for held in progress.held
    }
    findings.figures = {"seconds": round(seconds), "searched": rows, "held": most}
    return findings


def replay(name: str, path: Path) -> object:
    """One finding again, its exception and all."""
    run_it: Callable[[bytes], object] = next(one.run for one in TARGETS if one.name == name)
    return run_it(path.read_bytes())


def main() -> None:
    """Run at full length and write reports/fuzz.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--seconds", type=float, default=Options().seconds)
    wanted.add_argument("--fresh", action="store_true", help="forget corpora, findings and an unfinished run")
    wanted.add_argument("--replay", nargs=2, metavar=("TARGET", "FILE"), help="one input, and nothing else")
    args = wanted.parse_args()
    if args.replay:
        print(replay(args.replay[0], Path(args.replay[1])))
        return
    if args.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    options = Options(seconds=args.seconds, seed=args.seed)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    raise SystemExit(report.tell(run(options, report=report)))


if __name__ == "__main__":
    main()
