"""Load by wrk and CPU by /proc: microseconds of processor time per request of a process tree."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

BODY = '{"model":"%s","messages":[{"role":"user","content":"hello, how are you today?"}]%s}'


@dataclass(frozen=True)
class Load:
    """Requests done, CPU microseconds for each, and what did not succeed."""

    requests: int
    cpu_us: float
    failed: int
    p50_ms: float


def cpu_us_of(pid: int) -> float:
    """Processor time of a process and of its children that run now, to the nanosecond of the scheduler."""
    total = 0
    for one in [pid, *_children(pid)]:
        for thread in Path(f"/proc/{one}/task").glob("*/schedstat"):
            try:
                total += int(thread.read_text().split()[0])
            except OSError:  # a thread that has just ended
                continue
    return total / 1000


def _children(pid: int) -> list[int]:
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def resident_mb(pid: int) -> float:
    """Resident memory of a process tree, in MB."""
    total = 0
    for one in [pid, *_children(pid)]:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text())
        total += int(found.group(1)) if found else 0
    return total / 1024


def wrk(url: str, pid: int, *, model: str, stream: bool, connections: int, seconds: int) -> Load:
    """Drive one URL and charge the CPU to `pid`."""
    body = BODY % (model, ',"stream":true' if stream else "")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            'wrk.method = "POST"\nwrk.body = [[' + body + "]]\n"
            'wrk.headers["Content-Type"] = "application/json"\n'
            'wrk.headers["Authorization"] = "Bearer sk-test"\n'
        )
        script.flush()
        before = cpu_us_of(pid)
        words = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
        done = subprocess.run(
            ["wrk", *words, "-s", script.name, url], check=True, capture_output=True, text=True
        )
        spent = cpu_us_of(pid) - before
    found = re.search(r"(\d+) requests in", done.stdout)
    requests = int(found.group(1)) if found else 0
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    socket = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+)", done.stdout)
    half = re.search(r"50%\s+([\d.]+)(us|ms|s)", done.stdout)
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    return Load(
        requests,
        spent / max(1, requests),
        (int(failed.group(1)) if failed else 0) + (sum(map(int, socket.groups())) if socket else 0),
        float(half.group(1)) * unit[half.group(2)] if half else 0.0,
    )
