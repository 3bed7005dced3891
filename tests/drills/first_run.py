"""The first minute of somebody new: clone, `make run`, watch, paste the curl, Ctrl-C.

Everything happens in an empty folder, without a configuration and without a key. The clock starts before
`make run`, so it counts the environment too; packages come from whatever cache the installer has. Ctrl-C is
a SIGINT to the whole process group, as a terminal sends it.
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from benchmarks.report import ROOT
from tests.drills.rig.report import Findings, Report

LINE: Final = "first_run"
URLS_S: Final = 60.0
SHOWN_S: Final = 15.0
STOPS_S: Final = 2.0
PATIENCE_S: Final = 300.0
"""A slow network is measured, not cut off."""
PORTS: Final = (8080, 8081)
EVENTS: Final = {
    "failover": r"-> \S+\s+answered in",
    "cooldown": r"cooled [\d.]+ ?s",
    "recovery": r"recovered",
}
ADDRESSES: Final = re.compile(r"gateway\s+(http://\S+)/v1\s+control\s+(http://\S+)")


class Watched:
    """`make run` and its output, line by line with the second it came in."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.began = monotonic()
        self.lines: list[tuple[float, str]] = []
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("INTERLOCK_", "MAKE", "MFLAGS"))
        }
        plain.pop("VIRTUAL_ENV", None)
        self.process = subprocess.Popen(
            ["make", "run", *arguments],
            cwd=folder,
            env=plain,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def text(self) -> str:
        """Everything so far."""
        return "\n".join(line for _, line in self.lines)

    def first(self, pattern: str, within_s: float) -> tuple[float, re.Match[str]] | None:
        """When the first line that matches came, and the match; waits until `within_s` from the start."""
        seen = 0
        while True:
            while seen < len(self.lines):
                at, line = self.lines[seen]
                found = re.search(pattern, line)
                if found is not None:
                    return at, found
                seen += 1
            if monotonic() - self.began > within_s or self.process.poll() is not None:
                return None
            sleep(0.02)

    def interrupt(self) -> float:
        """Ctrl-C; the seconds until everything has ended."""
        began = monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.end()
            return monotonic() - began
        self._reader.join(timeout=5)
        return monotonic() - began

    def end(self) -> None:
        """Whatever happened, nothing is left behind."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((monotonic() - self.began, line.rstrip("\n")))


def run(source: Path, folder: Path) -> Findings:
    """Clone and watch."""
    findings = Findings()
    clone = folder / "interlock"
    subprocess.run(["git", "clone", "--quiet", str(source), str(clone)], check=True)
    free = all(map(_is_free, PORTS))
    findings.figures["ports"] = "8080 and 8081" if free else "any free ones: 8080 or 8081 was taken"
    watched = Watched(clone, [] if free else ["ARGS=--port 0 --control-port 0"])
    try:
        _watch(watched, findings)
    finally:
        watched.end()
    return findings


def _watch(watched: Watched, findings: Findings) -> None:
    found = watched.first(ADDRESSES.pattern, PATIENCE_S)
    if found is None:
        findings.check("the two URLs are printed", held=False, seen=watched.text()[-2000:])
        return
    answered = [_answers(f"{found[1][1]}/v1/models"), _answers(f"{found[1][2]}/healthz")]
    reached_s = monotonic() - watched.began
    findings.figures["seconds to the two URLs"] = round(reached_s, 1)
    findings.check("both URLs answer", held=answered == [200, 200], seen=answered)
    findings.check("the two URLs answer within 60 s", held=reached_s < URLS_S, seen=reached_s)
    for name, pattern in EVENTS.items():
        shown = watched.first(pattern, found[0] + SHOWN_S)
        after = round(shown[0] - found[0], 1) if shown is not None else None
        findings.figures[f"{name} shown after, s"] = after
        findings.check(
            f"a {name} is visible within 15 s", held=after is not None, seen=watched.text()[-1500:]
        )
    note = "cooldown.initial 3s, probe_interval 1s, ramp 3s"
    findings.check("the demo says what its policy sets", held=note in watched.text())
    pasted = _pasted(watched)
    findings.check("the printed curl answers 200", held=pasted == "200", seen=pasted)
    took = watched.interrupt()
    findings.figures["seconds from Ctrl-C to the end"] = round(took, 2)
    findings.check("Ctrl-C ends it within 2 s", held=took <= STOPS_S, seen=took)
    findings.check("no traceback", held="Traceback" not in watched.text(), seen=watched.text()[-3000:])
    findings.figures["what was printed"] = [line for _, line in watched.lines[-30:]]


def _pasted(watched: Watched) -> str:
    """The printed command as pasted into a shell, with the status as its only output."""
    found = watched.first(r"(curl http://\S+/v1/chat/completions .*)$", PATIENCE_S)
    if found is None:
        return "no curl was printed"
    command = f"{found[1][1]} --silent --output /dev/null --write-out '%{{http_code}}'"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=30)
    return done.stdout or done.stderr


def _answers(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def main() -> None:
    """Run and write reports/first_run.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument(
        "--source", type=Path, default=ROOT, help="the repository to clone: what is committed there"
    )
    args = wanted.parse_args()
    report = Report(LINE, seed=args.seed, full=True)
    with tempfile.TemporaryDirectory(prefix="interlock-first-run-") as folder:
        findings = run(args.source, Path(folder))
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
