"""Reading one's own writes across control planes: a write at one, a read at another, never an older state.

Three control processes over one journal and one log. Each pair writes a target's state at one of them and
at once reads that target at another with `?min_position=` of the answer; the read must show that write or a
later one. Each tenth pair first reads without `min_position`: how often that is older shows what the wait
is for.
"""

import argparse
import asyncio
import random
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import (
    Missing,
    find_kafka,
    find_postgres,
    running_kafka,
    running_postgres,
)
from tests.drills.rig.cell import Cell, ControlProcess
from tests.drills.rig.report import Findings, Report

LINE: Final = "min_position"
WRITERS: Final = 8
"""At the same time, each with a target of its own: enough that relay and folds always have work."""
CONTROLS: Final = 3
LATE_S: Final = 30.0
"""For a read that is answered 503 and asked again: longer is a failure, whatever the machine."""
_TARGETS: Final = "".join(f"\n  t{n}: [atlas/model-{n}]" for n in range(WRITERS))
CONFIG: Final = f"""
providers:
  atlas: {{base_url: "http://127.0.0.1:9/v1", api_key: none}}
pools:{_TARGETS}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How many pairs, and the seed of everything random."""

    seed: int = 1
    pairs: int = 10_000


async def run(options: Options, cell: Cell) -> Findings:
    """Start three, write and read, stop."""
    findings = Findings()
    async with AsyncExitStack() as stack:
        controls = [cell.control(f"control-{n}") for n in range(CONTROLS)]
        await asyncio.gather(*(stack.enter_async_context(one) for one in controls))
        applied = await controls[0].http.post("/config/apply", content=CONFIG, headers={"if-match": "*"})
        assert applied.status_code == 200, applied.text
        began = time.monotonic()
        share = [options.pairs // WRITERS + (n < options.pairs % WRITERS) for n in range(WRITERS)]
        writers = [
            Writer(n, controls, random.Random(f"{options.seed}/{n}"), applied.json()["position"])
            for n in range(WRITERS)
        ]
        await asyncio.gather(*(one.run(pairs) for one, pairs in zip(writers, share, strict=True)))
    _judge(writers, options, time.monotonic() - began, findings)
    return findings


class Writer:
    """Writes one target's state wherever chance says, and reads it elsewhere."""

    def __init__(
        self, number: int, controls: list[ControlProcess], chance: random.Random, declared: str
    ) -> None:
        self._path = f"/targets/atlas/model-{number}"
        self._controls = controls
        self._chance = chance
        self._declared = declared
        self.pairs = self.late = self.unwaited = self.unwaited_older = 0
        self.older: list[str] = []
        self.waits_ms: list[float] = []

    async def run(self, pairs: int) -> None:
        """One pair after another."""
        await self._version(self._controls[0], self._declared)
        for n in range(pairs):
            await self._pair(n)
            self.pairs += 1

    async def _pair(self, n: int) -> None:
        writer, reader = self._chance.sample(self._controls, 2)
        body = {"state": "drained" if n % 2 else "disabled", "reason": f"pair {n}"}
        wrote = await writer.http.put(f"{self._path}/state", json=body)
        assert wrote.status_code == 200, wrote.text
        written, position = wrote.json()["version"], wrote.json()["position"]
        if n % 10 == 0:
            self.unwaited += 1
            self.unwaited_older += await self._version(reader, None) < written
        asked = time.monotonic()
        seen = await self._version(reader, position)
        self.waits_ms.append((time.monotonic() - asked) * 1000)
        if seen < written:
            self.older.append(f"{self._path} at version {seen} after {position} made it {written}")

    async def _version(self, reader: ControlProcess, position: str | None) -> int:
        """The version of the target that a read shows; what is not there in time is asked for again."""
        query = {} if position is None else {"min_position": position}
        ends = time.monotonic() + LATE_S
        while True:
            answer = await reader.http.get(self._path, params=query)
            if answer.status_code == 200:
                return int(answer.headers["etag"].strip('"'))
            assert answer.status_code == 503, answer.text
            assert answer.headers["retry-after"], answer.headers
            assert time.monotonic() < ends, answer.text
            self.late += 1


def _judge(writers: list[Writer], options: Options, took_s: float, findings: Findings) -> None:
    older = [told for one in writers for told in one.older]
    waits = sorted(wait for one in writers for wait in one.waits_ms)
    pairs = sum(one.pairs for one in writers)
    findings.counts |= {
        "pairs": pairs,
        "control planes": CONTROLS,
        "older state": len(older),
        "answered 503 and asked again": sum(one.late for one in writers),
        "reads without min_position": sum(one.unwaited for one in writers),
        "of these older": sum(one.unwaited_older for one in writers),
    }
    findings.figures |= {
        "read p50 ms": round(waits[len(waits) // 2], 1),
        "read p99 ms": round(waits[len(waits) * 99 // 100], 1),
        "pairs a second": round(pairs / took_s, 1),
    }
    findings.check("every pair was made", held=pairs == options.pairs, seen=pairs)
    findings.check("no read was older than the write before it", held=not older, seen=older[:3])


async def with_services(options: Options, folder: Path) -> Findings:
    """Over services of this machine, fresh names in them."""
    kafka, postgres = find_kafka(service_settings()), find_postgres(service_settings())
    for found in (kafka, postgres):
        if isinstance(found, Missing):
            raise SystemExit(found.line)
    assert not isinstance(kafka, Missing)
    assert not isinstance(postgres, Missing)
    async with running_kafka(kafka, folder / "kafka") as brokers, running_postgres(postgres) as server:
        topics = fresh_topics()
        await create_topics(brokers.bootstrap, topics)
        async with server.database() as url:
            cell = Cell(folder=folder, bootstrap=brokers.bootstrap, topics=topics, database_url=url)
            return await run(options, cell)


def main() -> None:
    """Run at full size and write reports/min_position.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--pairs", type=int, default=10_000)
    args = wanted.parse_args()
    options = Options(seed=args.seed, pairs=args.pairs)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    with tempfile.TemporaryDirectory(prefix="interlock-min-position-") as folder:
        findings = asyncio.run(with_services(options, Path(folder)))
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
