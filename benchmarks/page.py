"""docs/benchmarks.md, made from reports/: what was compared and how, and the figures of the last full runs.

Rule: no figure is typed by hand but the marks, which were published elsewhere and stand in `peers/marks.py`;
a table without a report says so.

    python -m benchmarks.page
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.marks import GO_GATEWAY, MARKS, PUBLISHED
from benchmarks.report import ROOT

PAGE: Final = ROOT / "docs/benchmarks.md"
HEAD: Final = """# Benchmarks

Made from `reports/bench-*.json` by `python -m benchmarks.page`, which every full run calls; nothing here is
typed by hand. A `+` behind a commit means that the tree had changes when it ran. Other proofs:
[proofs.md](proofs.md).
"""
METHOD: Final = """
## How it is measured

- **What**: processor time (user and system, from `/proc`, over the whole process tree) for each request. It
  is the figure to trust on a shared machine; latency and throughput are not.
- **Load**: `wrk` with one thread; requests of 100 bytes, whole answers of 600 bytes from an nginx that serves
  a file, streams of 52 events of 160 bytes: 50 chunks as 50 writes at once (burst), or 5 ms apart (paced).
  Both forms were chosen so that nginx and Portkey stand to one another as in the run of the marks.
- **In pairs**: each load of a gateway comes right behind the same load of nginx as a plain proxy, in every
  round. A ratio is taken within a pair, a figure is the median of the rounds, least and most stand beside it.
  The first round warms up and is not counted.
- **Interlock** does all it does: `interlock serve gateway` in a cell of real services (feed, facts and
  request records over Kafka), gateway keys declared and asked for, pools of three, every policy at its
  default; no tracing. "All in one process" is `interlock quickstart`: projector, control plane and the
  records' database in the same process.
- **The others** do the least they can: one target, no retries asked for, logs at their quietest. LiteLLM is
  installed with two of its pins loosened, because one was never served; Portkey's streams need two of its
  libraries pinned.
- **Resident memory** is read after the loads. **Added latency** is the median at one connection, less that of
  asking the mock itself.
- **Failover**: the first target answers every request with 500, the second is well; 1,000 requests, one after
  another. A gateway with a memory of failures stops asking the first one.
"""


def page(*, peers: dict[str, Any] | None, against_pass: dict[str, Any] | None) -> str:
    """The whole page, of these reports."""
    return "\n".join([HEAD, *_peers(peers), *_gateway(against_pass), METHOD])


def write_page() -> Path:
    """Write it; returns where."""
    told = page(peers=_read("bench-peers"), against_pass=_read("bench-gateway"))
    PAGE.write_text(told, encoding="utf-8")
    return PAGE


def _peers(report: dict[str, Any] | None) -> Iterator[str]:
    yield "## Beside other gateways\n"
    if report is None:
        yield "Not run yet: `make bench-peers`."
        return
    size = f"{report['rounds']} rounds, {report['cores']} cores"
    yield f"`make bench-peers`: commit `{report['commit']}`, {size}; verdict **{report['verdict']}**."
    yield "CPU in us a request:\n"
    kinds = list(next(iter(report["cpu_us"].values())))
    yield from _table(
        ["gateway", "version", *kinds, "us a paced chunk", "added p50, ms", "resident MB", "failed"],
        [
            [
                name,
                report["versions"][name],
                *cpu.values(),
                *(report[part][name] for part in ("paced_chunk_us", "added_p50_ms", "resident_mb", "failed")),
            ]
            for name, cpu in report["cpu_us"].items()
        ],
    )
    yield "\nAs multiples of nginx in the same pair: median (least to most).\n"
    rows = [
        [name, *(f"{one['median']} ({one['least']} to {one['most']})" for one in each.values())]
        for name, each in report["times_nginx"].items()
    ]
    marks = {mark.words: mark.times_nginx for mark in MARKS}
    rows.append([GO_GATEWAY, *(next((v for w, v in marks.items() if k.startswith(w)), "-") for k in kinds)])
    yield from _table(["gateway", *kinds], rows)
    yield "\n### Marks\n"
    yield from _table(
        ["mark", "seen", "at most", ""],
        [
            [name, one["seen"], one["at most"], "holds" if one["seen"] <= one["at most"] else "**missed**"]
            for name, one in report["marks"].items()
        ],
    )
    yield from (f"\nNot measured: {why}" for why in report["not_measured"])
    yield "\n### A target that always fails\n"
    rows = [[way, *seen.values()] for way, seen in report["failover"].items()]
    yield from _table(["way", "requests", "attempts at the broken one", "errors that the client saw"], rows)
    yield "\n### As published before\n"
    yield "An earlier run on such a machine; times of two machines cannot be compared, their ratios can.\n"
    headers = ["gateway", "unary, 32", "unary, 1", "burst", "us a paced chunk", "resident MB"]
    yield from _table(headers, [[name, *figures] for name, figures in PUBLISHED.items()])


def _gateway(report: dict[str, Any] | None) -> Iterator[str]:
    yield "\n## Against a bare pass-through\n"
    if report is None:
        yield "Not run yet: `make bench`."
        return
    yield f"`make bench`: commit `{report['commit']}`; verdict **{report['verdict']}**. The same server and"
    yield "client without routing, keys, records and checks; ratios of CPU.\n"
    before = report.get("before", {})
    headers = ["ratio", f"at `{before.get('commit', '-')}`", "seen", "at most"]
    earlier = before.get("ratios", {})
    rows: list[list[object]] = [
        [name, earlier.get(name, "-"), seen, report["limits"][name]]
        for name, seen in report["ratios"].items()
    ]
    yield from _table(headers, rows)


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(headers)} |"
    yield f"|---|{'---:|' * (len(headers) - 1)}"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


def _read(name: str) -> dict[str, Any] | None:
    path = ROOT / f"reports/{name}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Write the page."""
    print(f"written to {write_page().relative_to(ROOT)}")


if __name__ == "__main__":
    main()
