"""Services that are told wrongly: one clear sentence each, no traceback, no secret, and a clean end.

What waiting may mend (a broker that is away, topics that are missing, a broker that refuses us) is waited for
and said once; what it cannot is refused by `serve`, `migrate` and `doctor` in tests beside each of them.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from interlock_testing.services.cells import fresh_topics
from interlock_testing.waiting import ServerProcess, free_port, until
from tests.drills.rig.cell import Cell

PASSWORD = "canary-sasl-4410"
PATIENCE_S = 60.0
TRIES_S = 3.0
"""The services try again after half a second to two."""
SASL = {
    "INTERLOCK_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "INTERLOCK_KAFKA_SASL_USERNAME": "someone",
    "INTERLOCK_KAFKA_SASL_PASSWORD": PASSWORD,
}
SERVICES = ("control", "projector", "gateway")
FAULTS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "topics that are missing": ({"topics": fresh_topics()}, {}, "run `interlock migrate`"),
    "a broker that is away": ({"bootstrap": ("127.0.0.1:9",)}, {}, "Kafka at 127.0.0.1:9"),
    "a broker that refuses the credentials": ({}, SASL, "Kafka at 127.0.0.1"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_may_come_back_is_said_once_and_waited_for(
    fault: str, tmp_path: Path, kafka: Any, topics: Any, database_url: str
):
    where, more, sentence = FAULTS[fault]
    known = {"bootstrap": kafka.bootstrap, "topics": topics, "database_url": database_url}
    cell = Cell(folder=tmp_path, **(known | where))
    parts = {name: cell.process(name, name, port=free_port(), **more) for name in SERVICES}
    async with AsyncExitStack() as stack:
        for part in parts.values():
            stack.push_async_callback(part.stop, timeout_s=PATIENCE_S)
        await asyncio.gather(*(part.start(timeout_s=PATIENCE_S) for part in parts.values()))
        for name, part in parts.items():
            await until(partial(_says, part, sentence), timeout_s=PATIENCE_S, what=f"{name} to say it")
        await asyncio.sleep(TRIES_S)  # what is wrong is tried again meanwhile, and not said again
    for name, part in parts.items():
        log = part.log()
        assert part.exit_status() == 0, (name, log[-2000:])
        assert "Traceback" not in log, (name, log[-2000:])
        assert PASSWORD not in log, name
        repeated = [line for line in log.splitlines() if sentence in line]
        assert len(repeated) <= 4, (name, repeated)


@pytest.mark.timeout(300)
async def test_a_wrong_token_is_one_sentence_and_exit_code_1(
    tmp_path: Path, kafka: Any, topics: Any, database_url: str
):
    cell = Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=database_url)
    async with cell.control("control") as control:
        words = ("get", "targets"), ("doctor",), ("drain", "atlas/large"), ("deadletters", "list")
        told = await asyncio.gather(
            *(said(cell, *one, "--url", control.url, token="wrong-7d1") for one in words)
        )
        for (code, text), asked in zip(told, words, strict=True):
            assert code == 1, (asked, text)
            assert "INTERLOCK_ADMIN_TOKEN" in text, (asked, text)
            assert "wrong-7d1" not in text
            assert "Traceback" not in text


def _says(part: ServerProcess, sentence: str) -> bool:
    return sentence in part.log()


async def said(cell: Cell, *words: str, token: str) -> tuple[int, str]:
    """A command's exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "interlock_cli",
        *words,
        env=cell.environment("asking", INTERLOCK_ADMIN_TOKEN=token),
        cwd=cell.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return process.returncode or 0, out.decode()
