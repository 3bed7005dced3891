"""What a request and a streamed chunk cost, paired against a bare pass-through in the same run.

Every round measures all servers one after another, so that a slow minute of the machine touches all of
them; the table shows the median CPU of the rounds and the limits are put to the median of the ratios. Many
short rounds, not few long ones: what disturbs a round lasts for seconds, and a ratio needs neighbours.
Needs nginx and wrk. `--quick` for a smoke run.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.load import Load, resident_mb, wrk
from benchmarks.nginx import nginx_mock, nginx_proxy
from benchmarks.page import write_page
from benchmarks.report import ROOT, committed, table, verdict, write
from interlock_testing.waiting import free_port

PACED = {"--chunks": 60, "--interval-ms": 2, "--burst": 1}
BURSTS = {"--chunks": 1_000, "--interval-ms": 10, "--burst": 50}
EVENTS = {"unary": 1, "paced": 62, "bursts": 1_002, "whole": 52}
"""Events of one answer: content, the role before it, the finish reason behind it."""
UNARY = 32
STREAMS = 8
STREAMED = ("paced", "bursts", "whole")
SIZES = (10, 100, 1_000)


@dataclass
class Server:
    """One compared server: how to reach it and what it measured."""

    name: str
    pid: int
    port: int
    model: Callable[[str], str]
    prefix: Callable[[str], str]
    loads: dict[str, list[Load]] = field(default_factory=dict)

    def url(self, kind: str) -> str:
        """Where requests of this kind go."""
        return f"http://127.0.0.1:{self.port}{self.prefix(kind)}/chat/completions"


def wait_for(port: int) -> None:
    """Until the port answers, or 20 s."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


class Field:
    """All processes of one run."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.mock, paced, bursts = nginx_mock(free_port()), free_port(), free_port()
        for port, shape in ((paced, PACED), (bursts, BURSTS)):
            words = [word for pair in shape.items() for word in pair]
            self._run("benchmarks.upstream", "--port", port, *words)
            wait_for(port)
        wait_for(self.mock.port)
        where = {
            "unary": (self.mock.port, "v1"),
            "whole": (self.mock.port, "whole"),
            "bursts": (bursts, "v1"),
            "paced": (paced, "v1"),
        }
        self.proxy = nginx_proxy(free_port(), where)
        wait_for(self.proxy.port)
        self.upstreams = {kind: f"http://127.0.0.1:{port}/{path}" for kind, (port, path) in where.items()}

    def _run(self, module: str, *words: object) -> int:
        command = [sys.executable, "-m", module, *map(str, words)]
        self.processes.append(subprocess.Popen(command, cwd=ROOT))
        return self.processes[-1].pid

    def nginx_proxy(self) -> Server:
        """nginx as a plain proxy."""
        return Server("nginx as a proxy", self.proxy.pid, self.proxy.port, lambda k: "m", lambda k: f"/{k}")

    def null(self) -> Server:
        """An application that answers a constant."""
        port = free_port()
        pid = self._run("benchmarks.serve", "--app", "null", "--port", port)
        wait_for(port)
        return Server("null application", pid, port, lambda k: "m", lambda k: "/v1")

    def bare(self, kind: str) -> Server:
        """A bare pass-through to the upstream of one kind."""
        port = free_port()
        upstream = f"{kind}={self.upstreams[kind]}"
        pid = self._run("benchmarks.serve", "--app", "pass", "--port", port, "--upstream", upstream)
        wait_for(port)
        return Server(f"pass-through ({kind})", pid, port, lambda k: "m", lambda k: "/v1")

    def gateway(self, targets: int) -> Server:
        """The gateway with that many targets over all upstreams."""
        port = free_port()
        words = [w for name, url in self.upstreams.items() for w in ("--upstream", f"{name}={url}")]
        pid = self._run("benchmarks.serve", "--app", "gateway", "--port", port, "--targets", targets, *words)
        wait_for(port)
        return Server(f"gateway, {targets} targets", pid, port, lambda k: f"{k}-0", lambda k: "/v1")

    def stop(self) -> None:
        """End what was started here."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)
        self.proxy.stop()
        self.mock.stop()


def measure(server: Server, kind: str, seconds: int, connections: int) -> None:
    """One load of one kind on one server."""
    load = wrk(
        server.url(kind), server.pid, model=server.model(kind), stream=kind != "unary",
        connections=connections, seconds=seconds,
    )  # fmt: skip
    server.loads.setdefault(kind, []).append(load)


def ratios(upper: Server, lower: Server, kind: str) -> float:
    """Median over the rounds of CPU(upper) / CPU(lower)."""
    pairs = zip(upper.loads[kind], lower.loads[kind], strict=True)
    return statistics.median(a.cpu_us / b.cpu_us for a, b in pairs)


def median_cpu(server: Server, kind: str) -> float:
    """Median CPU microseconds per request."""
    return statistics.median(load.cpu_us for load in server.loads[kind])


def run(rounds: int, seconds: int) -> tuple[list[list[object]], dict[str, object]]:
    """All rounds; the rows of the table and the figures of the report."""
    field_ = Field()
    try:
        null, proxy = field_.null(), field_.nginx_proxy()
        bare = {kind: field_.bare(kind) for kind in ("unary", *STREAMED)}
        gateways = {size: field_.gateway(size) for size in SIZES}
        plan: list[tuple[Server, str, int]] = [(null, "unary", UNARY), (proxy, "unary", UNARY)]
        plan += [(bare["unary"], "unary", UNARY), *((g, "unary", UNARY) for g in gateways.values())]
        for kind in STREAMED:
            plan += [(s, kind, STREAMS) for s in (proxy, bare[kind], gateways[10], gateways[1_000])]
        for server, kind, connections in plan:  # warm up: connections, caches, lanes
            measure(server, kind, 1, connections)
            server.loads[kind].clear()
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for server, kind, connections in plan:
                measure(server, kind, seconds, connections)
        return summary(null, proxy, bare, gateways)
    finally:
        field_.stop()


def summary(
    null: Server, proxy: Server, bare: dict[str, Server], gateways: dict[int, Server]
) -> tuple[list[list[object]], dict[str, object]]:
    """The table and the figures."""
    rows: list[list[object]] = []
    cpu: dict[str, float] = {}
    for server in [null, proxy, *bare.values(), *gateways.values()]:
        for kind, loads in server.loads.items():
            each = median_cpu(server, kind)
            cpu[f"{server.name} / {kind}"] = round(each, 1)
            failed = sum(load.failed for load in loads)
            per_chunk = f"{each / EVENTS[kind]:.1f}" if kind != "unary" else "-"
            rows.append([server.name, kind, f"{each:.0f}", per_chunk, sum(x.requests for x in loads), failed])
    ten, thousand = gateways[10], gateways[1_000]
    limits: list[tuple[str, float, float]] = [
        ("unary: gateway / pass-through", ratios(ten, bare["unary"], "unary"), 1.5),
        ("paced chunk: gateway / pass-through", ratios(ten, bare["paced"], "paced"), 1.25),
        ("burst chunk: gateway / pass-through", ratios(ten, bare["bursts"], "bursts"), 1.25),
        ("unary: 1,000 targets / 10 targets", ratios(thousand, ten, "unary"), 1.2),
        ("paced: 1,000 targets / 10 targets", ratios(thousand, ten, "paced"), 1.2),
        ("unary: pass-through / null application", ratios(bare["unary"], null, "unary"), 1.8),
    ]
    others = {
        "unary: gateway / nginx": round(ratios(ten, proxy, "unary"), 2),
        "paced: gateway / nginx": round(ratios(ten, proxy, "paced"), 2),
        "bursts: gateway / nginx": round(ratios(ten, proxy, "bursts"), 2),
        "stream in one piece: gateway / nginx": round(ratios(ten, proxy, "whole"), 2),
        "stream in one piece: gateway / pass-through": round(ratios(ten, bare["whole"], "whole"), 2),
    }
    figures: dict[str, object] = {
        "cpu_us": cpu,
        "ratios": {name: round(value, 3) for name, value, _ in limits},
        "limits": {name: limit for name, _, limit in limits},
        "beside": others,
        "resident_mb": {g.name: round(resident_mb(g.pid), 1) for g in gateways.values()},
        "failed_requests": sum(
            load.failed
            for s in [*bare.values(), *gateways.values()]
            for ls in s.loads.values()
            for load in ls
        ),
    }
    # A refusal is cheap: figures over failed requests prove nothing.
    held = not figures["failed_requests"] and all(value <= limit for _, value, limit in limits)
    figures["verdict"] = "ok" if held else "missed"
    return rows, figures


def main() -> None:
    """Print the tables and write reports/bench-gateway.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--rounds", type=int, default=10)
    wanted.add_argument("--seconds", type=int, default=2)
    wanted.add_argument("--quick", action="store_true", help="one short round; writes no report")
    args = wanted.parse_args()
    missing = [name for name in ("nginx", "wrk") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"{' and '.join(missing)} not found: install them (apt-get install nginx wrk)")
    rows, figures = run(1 if args.quick else args.rounds, 1 if args.quick else args.seconds)
    last = committed("bench-gateway")
    figures["before"] = {name: last.get(name, {}) for name in ("commit", "ratios", "beside")}
    print(table(("server", "kind", "CPU us/request", "us/chunk", "requests", "failed"), rows))
    print()
    limits = figures["limits"]
    assert isinstance(limits, dict)
    ratios_ = figures["ratios"]
    assert isinstance(ratios_, dict)
    before = figures["before"]
    assert isinstance(before, dict)
    lines = [
        (name, before["ratios"].get(name, "-"), f"{value:.2f}", verdict(value, limits[name]))
        for name, value in ratios_.items()
    ]
    print(table(("ratio of CPU", f"at {before['commit']}", "seen", "limit"), lines))
    against = figures["beside"]
    assert isinstance(against, dict)
    print(table(("for comparison, without a limit", "times"), list(against.items())))
    if not args.quick:
        print(f"\nwritten to {write('bench-gateway', figures).relative_to(ROOT)}")
        print(f"and {write_page().relative_to(ROOT)}")


if __name__ == "__main__":
    main()
