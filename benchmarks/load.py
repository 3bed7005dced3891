"""Load by wrk and CPU by /proc: microseconds of processor time per request of a process tree."""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEY = "sk-bench-0123456789abcdef"
"""Every compared gateway that knows keys of its own is told to ask for this one."""
BODY = '{"model":"%s","messages":[{"role":"user","content":"hello, how are you today?"}]%s}'
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
IDLE_SHARE = 0.1
IDLE_LOOK_S = 0.2
IDLE_WITHIN_S = 5.0


@dataclass(frozen=True)
class Load:
    """Requests done, CPU microseconds for each, and what did not succeed."""

    requests: int
    cpu_us: float
    failed: int
    p50_ms: float


def cpu_us_of(pid: int) -> float:
    """User and system time of a process tree as it is now, to the nanosecond of the scheduler."""
    total = 0
    for one in _tree(pid):
        for thread in Path(f"/proc/{one}/task").glob("*/schedstat"):
            try:
                total += int(thread.read_text().split()[0])
            except OSError:  # a thread that has just ended
                continue
    return total / 1000


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _tree(int(child))


def resident_mb(pid: int) -> float:
    """Resident memory of a process tree, in MB."""
    total = 0
    for one in _tree(pid):
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text())
        total += int(found.group(1)) if found else 0
    return total / 1024


def rest(pid: int) -> None:
    """Until the tree does next to nothing: what it still does for an earlier load is no cost of the next."""
    ends = time.monotonic() + IDLE_WITHIN_S
    while time.monotonic() < ends:
        before = cpu_us_of(pid)
        time.sleep(IDLE_LOOK_S)
        if cpu_us_of(pid) - before < IDLE_SHARE * IDLE_LOOK_S * 1e6:
            return


def wrk(
    url: str,
    pid: int,
    *,
    model: str,
    stream: bool,
    connections: int,
    seconds: int,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Drive one URL and charge the CPU to the tree of `pid`; `headers` come on top of the usual ones."""
    body = BODY % (model, ',"stream":true' if stream else "")
    # A JSON string of printable ASCII is a Lua string too.
    lines = [
        f"wrk.headers[{json.dumps(n)}] = {json.dumps(v)}" for n, v in (HEADERS | dict(headers or {})).items()
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("\n".join(['wrk.method = "POST"', f"wrk.body = {json.dumps(body)}", *lines]))
        script.flush()
        before = cpu_us_of(pid)
        words = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
        done = subprocess.run(
            ["wrk", *words, "-s", script.name, url], check=True, capture_output=True, text=True
        )
        spent = cpu_us_of(pid) - before
    return _read(done.stdout, spent)


def _read(told: str, spent: float) -> Load:
    found = re.search(r"(\d+) requests in", told)
    requests = int(found.group(1)) if found else 0
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    socket = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    half = re.search(r"50%\s+([\d.]+)(us|ms|s)", told)
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    return Load(
        requests,
        spent / max(1, requests),
        (int(failed.group(1)) if failed else 0) + (sum(map(int, socket.groups())) if socket else 0),
        float(half.group(1)) * unit[half.group(2)] if half else 0.0,
    )
