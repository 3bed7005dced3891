"""Two million generated streams through the scanners and through their slow, plain references.

Each stream is drawn from its number: what a vendor sends, with faults in it, spelt in some way and cut at
random borders (tests/reference). What goes out with each chunk, the verdicts, the end and the state must be
the same. A difference is told with the number of its stream:

    python -m tests.drills.scanners --show chat:4711
"""

import argparse
from time import monotonic
from typing import Any, Final

from msgspec import Struct

from benchmarks.report import ROOT
from interlock_protocols.streams.verdict import End, Verdict
from tests.drills.rig.blocks import Block, Progress, Tally, blocks_of, resumed, work_off
from tests.drills.rig.report import Findings, Report
from tests.reference.differential import SIDES, compared, drawn
from tests.reference.faults import FAULTS

LINE: Final = "scanners"
BLOCK: Final = 5_000
"""Streams between two entries of the progress file: about three seconds of one core."""
LEAST: Final = 200
"""Of each kind of fault and of each end, in each API, at full size; else the generator has gone blind."""
AGREE: Final = "scanner and reference agree on every stream"
FATES: Final = [*(end.value for end in End), Verdict.ERROR.value, Verdict.MALFORMED.value]
IMPOSSIBLE: Final = {("responses", End.MISSING_DONE.value)}
"""The end of a response is the end of its stream."""


class Options(Struct, frozen=True, kw_only=True):
    """How many streams of all APIs together, and the seed that their numbers begin at."""

    streams: int = 2_000_000
    seed: int = 1


def judged(block: Block) -> Tally:
    """Every stream of one block."""
    tally = Tally()
    for number in range(block.first, block.first + block.size):
        stream = drawn(block.part, number)
        found = compared(block.part, stream)
        tally.add("streams")
        tally.add("chunks", len(stream.chunks))
        tally.add("bytes", sum(map(len, stream.chunks)))
        tally.add(f"end {found.worth}")
        for kind in stream.kinds:
            tally.add(f"kind {kind}")
        if found.differences:
            tally.add("differences")
            tally.found += [f"{block.part}:{number}: {each}" for each in found.differences]
    return tally


def findings_of(progress: Progress, *, full: bool) -> Findings:
    """The verdict, and how often everything was met."""
    findings = Findings()
    for api, tally in progress.tallies.items():
        unlike = tally.counts.get("differences", 0)
        findings.check(AGREE, held=not unlike, seen=(api, unlike, tally.found))
        for name in [f"kind {fault}" for fault in FAULTS] + [f"end {fate}" for fate in FATES]:
            met = tally.counts.get(name, 0)
            if full and (api, name.removeprefix("end ")) not in IMPOSSIBLE:
                findings.check("every fault and every end was met", held=met >= LEAST, seen=(api, name, met))
    streams = sum(tally.counts.get("streams", 0) for tally in progress.tallies.values())
    findings.counts = {
        "streams": streams,
        "chunks": sum(tally.counts.get("chunks", 0) for tally in progress.tallies.values()),
        "differences": sum(tally.counts.get("differences", 0) for tally in progress.tallies.values()),
    }
    findings.figures = {
        "seconds": round(progress.seconds),
        "how they ended": _table(progress, "end ", FATES),
        "what was in them": _table(progress, "kind ", _kinds(progress)),
    }
    return findings


def _kinds(progress: Progress) -> list[str]:
    names = {name for tally in progress.tallies.values() for name in tally.counts if name.startswith("kind ")}
    return sorted(name.removeprefix("kind ") for name in names)


def _table(progress: Progress, prefix: str, names: list[str]) -> dict[str, dict[str, int]]:
    tallies = {api: progress.tallies.get(api, Tally()) for api in SIDES}
    return {
        name: {api: tally.counts.get(prefix + name, 0) for api, tally in tallies.items()} for name in names
    }


def run(options: Options, *, fresh: bool = False, report: Report | None = None) -> Findings:
    """All blocks that are not done yet, then the verdict over all."""
    path = ROOT / "reports/tmp/scanners/progress.json"
    progress = resumed(path, f"{options.seed}:{options.streams}", fresh=fresh)
    if report is not None:
        report.commits = progress.commits = list(dict.fromkeys([*progress.commits, *report.commits]))
    each = options.streams // len(SIDES)
    blocks = blocks_of([*SIDES], each, min(BLOCK, each), options.seed * 100_000_000)
    before, began, told = progress.seconds, monotonic(), monotonic()
    for _ in work_off(blocks, judged, progress, path):
        progress.seconds = before + monotonic() - began
        if monotonic() - told > 60:
            told = monotonic()
            print(f"{len(progress.done)} of {len(blocks)} blocks", flush=True)
    findings = findings_of(progress, full=options.streams >= Options().streams)
    path.unlink(missing_ok=True)
    return findings


def show(name: str) -> int:
    """One stream, chunk by chunk, and what is unlike; 1 when something is."""
    api, _, number = name.partition(":")
    stream = drawn(api, int(number))
    print(f"{sorted(stream.kinds)}, hold {stream.hold_events} events, {stream.hold_bytes} bytes")
    for n, chunk in enumerate(stream.chunks):
        print(n, chunk)
    found: Any = compared(api, stream)
    print(found.worth, *found.differences, sep="\n")
    return 1 if found.differences else 0


def main() -> None:
    """Run at full size and write reports/scanners.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--streams", type=int, default=Options().streams)
    wanted.add_argument("--fresh", action="store_true", help="forget what an earlier run left unfinished")
    wanted.add_argument("--show", metavar="API:NUMBER", help="one stream, and nothing else")
    args = wanted.parse_args()
    if args.show:
        raise SystemExit(show(args.show))
    options = Options(streams=args.streams, seed=args.seed)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    findings = run(options, fresh=args.fresh, report=report)
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
