"""docs/proofs.md, made from reports/: what is claimed, the command, and the figures of its last full run.

Rule: no figure is typed by hand, and a line without a report says so. The words of a claim stand here, once.

    python -m tests.drills.tables
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from benchmarks.report import ROOT

PAGE: Final = ROOT / "docs/proofs.md"


class Line(NamedTuple):
    """One proof: how to run it, and what it claims."""

    command: str
    claim: str


LINES: Final = {
    "first_run": Line(
        "make drills DRILLS=first_run",
        "`make run` in a fresh clone: two URLs within 60 s, then failover, cooldown and recovery "
        "within 15 s; the printed curl answers 200; Ctrl-C ends it within 2 s without a "
        "traceback.",
    ),
    "sdk_outage": Line(
        "make drills DRILLS=sdk_outage",
        "The official `openai` SDK with `max_retries=0`, whole and streamed, 20 requests/s for 60"
        " s while one of two providers is killed (-9) and restarted twice: no error before "
        "content, and no cut stream looks like success.",
    ),
    "sdk_matrix": Line(
        "make drills DRILLS=sdk_matrix",
        "Three generations of the Python SDKs `openai` and `anthropic`, with and without asyncio, and the "
        "newest of both for Node: what their users see through a gateway equals what they see directly, "
        "apart from the listed differences ([cases and reasons](sdk-matrix.md)).",
    ),
    "llama": Line(
        "make llama",
        "The same over two real llama.cpp servers, one killed (-9) in the middle of streams.",
    ),
    "recompute": Line(
        "make drills DRILLS=recompute",
        "10,000 recorded decisions, recomputed in a second process from a copy of the log: equal "
        "byte for byte. One failure that opened a cooldown, rewritten in the copy, shows in "
        "decisions of that cooldown and in none before.",
    ),
    "kill9": Line(
        "make drills DRILLS=kill9",
        "kill -9 of quickstart at 200 random moments under writes: no acknowledged command is "
        "lost, view rows equal fold(log) by hash, cooldowns and manual states are in force "
        "afterwards, their time right within 1 s.",
    ),
    "kill-matrix": Line(
        "make drills DRILLS=kill_matrix",
        "A cluster under load: each part killed (-9) and stopped (SIGSTOP, 15 s) 20 times: no "
        "acknowledged command lost, nothing applied twice, order kept, view rows equal fold(log) by "
        "hash, no gateway went back in version, no client error where a healthy target existed.",
    ),
    "latency": Line(
        "make drills DRILLS=latency",
        "Added latency at 100 requests/s while `state --at` is asked in a loop and a client pages"
        " through all events, against idle, in one run.",
    ),
    "scanners": Line(
        "make drills DRILLS=scanners",
        "2,000,000 generated streams of the four streamed APIs, with faults in them, spelt in every way and"
        " cut at random borders: what goes out with each chunk, every verdict and the state at the end are "
        "those of slow, plain references.",
    ),
    "fuzz": Line(
        "make drills DRILLS=fuzz",
        "Half an hour of bent bytes at scanners, request readers, answers, error bodies, the parser of "
        "upstream answers and a gateway over sockets: nothing leaves its boundary, takes seconds or grows, "
        "and what never ends is held within its bound.",
    ),
    "leaks": Line(
        "make drills DRILLS=leaks",
        "10,000 failed attempts of every kind, 2,000 streams at once whose clients leave, 18,000 names that "
        "nobody declared: sockets, tasks, exchanges, slots of keys and memory are as they were.",
    ),
    "memory": Line(
        "make drills DRILLS=memory",
        "1,000 concurrent slow streams through the gateway: resident memory before, during and after.",
    ),
    "restore": Line(
        "make drills DRILLS=restore",
        "The database of a serving cell is dropped and a minutes-old copy put back by the commands of the "
        "runbook: the journal is entry by entry what it was, all gateways follow without a restart, "
        "and every request meanwhile is answered.",
    ),
    "runbooks": Line(
        "make drills DRILLS=runbooks",
        "Every other page of docs/runbooks, followed to the letter in a serving cell that has that "
        "trouble: Kafka lost, a full disk, a bad configuration, a stuck relay, an upgrade.",
    ),
    "bench-cluster-relay": Line(
        "make bench-cluster",
        "What a decision costs in a cell, from the journal through the relay to Kafka, on one machine.",
    ),
    "target_outage": Line(
        "make drills DRILLS=target_outage",
        "Four gateways, 200 requests/s, one of three targets killed and back: no client error, at most one "
        "probe of the whole fleet in each probe slot, and how long the way back to its full share takes.",
    ),
    "broker_down": Line(
        "make drills DRILLS=broker_down",
        "The broker is away for five minutes while twenty targets fail and recover: no client error, and "
        "what the gateways tell late cools no target that is well again.",
    ),
    "broken_route": Line(
        "make drills DRILLS=broken_route",
        "One of four gateways cannot reach a target that the others use, at 0.5 and at 100 requests/s for "
        "ten minutes each: at most one fleet cooldown, and every request of that gateway is answered.",
    ),
    "fault_layer": Line(
        "make drills DRILLS=fault_layer",
        "Sends that are refused, torn, unheard, delayed or late, drawn from a seed, over the real producers "
        "and a real Kafka: nothing is missing, and every way to read the log ends in the same state.",
    ),
    "soak": Line(
        "make soak",
        "Half an hour at 200 requests/s over a whole cell: bytes of topics and tables for a request, and no "
        "process that grows.",
    ),
    "fault_matrix": Line(
        "make drills DRILLS=fault_matrix",
        "Every way to fail, on every client API, whole and streamed, with a fallback and alone, at limits of "
        "30 s: no silence, no false success, no hang. Cell by cell: [fault-matrix.md](fault-matrix.md).",
    ),
    "bench-gateway": Line(
        "make bench",
        "What a request and a streamed chunk cost in processor time, against a bare pass-through "
        "with the same server and client.",
    ),
    "bench-fold": Line(
        "make bench",
        "How fast the log becomes state, decode included, on one core.",
    ),
}
HEAD: Final = """# Proofs

Made from `reports/*.json` by `python -m tests.drills.tables`; nothing here is typed by hand. A `+` behind a
commit means that the tree had changes when it ran; a run at less than full size writes no report. The drills
run at a small scale in `make test` (`tests/system`).
"""
_STAMPS: Final = ("line", "commit", "python", "cores", "seed", "verdict", "missed")


def page() -> str:
    """The whole page."""
    parts = [HEAD, *_summary()]
    for line, known in LINES.items():
        parts += ["", f"## {line}", "", known.claim, "", *_section(line)]
    return "\n".join(parts) + "\n"


def _summary() -> Iterator[str]:
    yield "| line | verdict | commit | command |"
    yield "|---|---|---|---|"
    for line, known in LINES.items():
        report = _read(line)
        told = (
            (report.get("verdict", "-"), f"`{report['commit']}`") if report is not None else ("not run", "-")
        )
        yield f"| [{line}](#{line}) | {told[0]} | {told[1]} | `{known.command}` |"


def _section(line: str) -> Iterator[str]:
    report = _read(line)
    if report is None:
        yield "Not run yet."
        return
    seed = f", seed {report['seed']}" if "seed" in report else ""
    yield f"Commit `{report['commit']}`, Python {report['python']}, {report['cores']} cores{seed}."
    yield ""
    yield "| figure | seen |"
    yield "|---|---:|"
    shown = {name: value for name, value in report.items() if name not in _STAMPS and name != "checks"}
    for group in ("counts", "figures"):
        shown |= shown.pop(group, {})
    printed = {name: value for name, value in shown.items() if _is_text(value)}
    tables = {name: value for name, value in shown.items() if _is_table(value)}
    rest = {name: value for name, value in shown.items() if name not in printed and name not in tables}
    for name, value in _flat(rest):
        yield f"| {name} | {value} |"
    for name, rows in tables.items():
        yield from ("", *_table(name, rows))
    checks = report.get("checks", {})
    if checks:
        yield ""
        yield from (f"- {'holds' if held else '**missed**'}: {name}" for name, held in checks.items())
    for name, text in printed.items():
        yield from ("", f"{name}:", "", "```", *text, "```")


def _flat(figures: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", value


def _is_table(value: object) -> bool:
    """Rows by name, each with the same columns."""
    rows = list(value.values()) if isinstance(value, dict) else []
    return len(rows) > 1 and all(isinstance(row, dict) and row.keys() == rows[0].keys() for row in rows)


def _table(name: str, rows: dict[str, dict[str, object]]) -> Iterator[str]:
    columns = list(next(iter(rows.values())))
    yield f"| {' | '.join([name, *columns])} |"
    yield f"|---|{'---:|' * len(columns)}"
    yield from (f"| {' | '.join(map(str, [row, *cells.values()]))} |" for row, cells in rows.items())


def _is_text(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(line, str) for line in value)


def _read(line: str) -> dict[str, Any] | None:
    path = ROOT / f"reports/{line}.json"
    if not path.exists():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written to {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
