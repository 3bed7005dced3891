"""The same outage with real input: two llama.cpp servers, one killed (-9) in the middle of streams, twice.

The model is half a megabyte of random weights that examples/tiny_llama.py writes: nothing is downloaded, and
every answer to the same prompt is the same text. `make llama` builds the servers' environment (about ten
minutes, once) and runs this; it is not part of `make drills`.
"""

import argparse
import asyncio
import os
import subprocess
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx2
from msgspec import Struct

from benchmarks.report import ROOT
from interlock_testing.waiting import ServerProcess, free_port
from tests.drills.rig.outage import Outage, judge_explanations
from tests.drills.rig.outage import run as run_outage
from tests.drills.rig.quickstart import Quickstart
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.sdk import PROMPT, Load
from tests.drills.sdk_outage import CONFIG

LINE: Final = "llama"
MAX_TOKENS: Final = 300
"""A stream of about a third of a second: long enough to be cut, short enough for one server at a time."""
LOADING_S: Final = 30.0


class Options(Struct, frozen=True, kw_only=True):
    """How long, how many; `python` is the interpreter that has llama_cpp and gguf."""

    python: Path
    seconds: float = 60.0
    per_second: float = 4.0


class LlamaProcess:
    """One llama.cpp server."""

    def __init__(self, folder: Path, name: str, python: Path, model: Path) -> None:
        self.name = name
        self.port = free_port()
        command = [str(python), "-m", "llama_cpp.server", "--model", str(model), "--model_alias", "large"]
        command += ["--chat_format", "chatml", "--host", "127.0.0.1", "--port", str(self.port)]
        command += [
            "--n_ctx",
            "1024",
            "--n_threads",
            "1",
            "--interrupt_requests",
            "False",
            "--verbose",
            "False",
        ]
        unbuffered = {**os.environ, "PYTHONUNBUFFERED": "1"}  # its access log must outlive the kill
        url = f"{self.base_url}/models"
        self.process = ServerProcess(command, url=url, log_path=folder / f"{name}.log", env=unbuffered)

    @property
    def base_url(self) -> str:
        """As `base_url` in a configuration."""
        return f"http://127.0.0.1:{self.port}/v1"

    def seen(self) -> int:
        """Chat requests that it began to answer, by its own access log."""
        return self.process.log().count('"POST /v1/chat/completions') - 1  # the one that learnt its text

    async def text(self) -> str:
        """What it answers to the prompt of the load."""
        body = {"messages": [PROMPT], "max_tokens": MAX_TOKENS, "temperature": 0}
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            answer: dict[str, Any] = (
                await client.post(f"{self.base_url}/chat/completions", json=body)
            ).json()
        text: str = answer["choices"][0]["message"]["content"]
        return text


async def run(options: Options, folder: Path) -> Findings:
    """Write the model, start three processes, drive, judge."""
    findings = Findings()
    model = folder / "tiny.gguf"
    subprocess.run([str(options.python), str(ROOT / "examples/tiny_llama.py"), str(model)], check=True)  # noqa: ASYNC221
    findings.figures["model, bytes"] = model.stat().st_size
    findings.figures["llama-cpp-python"] = _version(options.python)
    async with AsyncExitStack() as stack:
        providers = [LlamaProcess(folder, name, options.python, model) for name in ("atlas", "breeze")]
        for provider in providers:
            stack.callback(provider.process.kill)
            await provider.process.start(timeout_s=LOADING_S)
        texts = {await provider.text() for provider in providers}
        findings.check("both servers say the same", held=len(texts) == 1 and "" not in texts, seen=texts)
        addresses = {provider.name: provider.base_url for provider in providers}
        served = Quickstart(folder, CONFIG.format(**addresses, initial="3s", longest="4s", probe="1s"))
        stack.callback(served.kill)
        await served.start()
        load = Load(
            model="chat",
            per_second=options.per_second,
            seconds=options.seconds,
            texts=texts,
            max_tokens=MAX_TOKENS,
        )
        outage = Outage(served=served, load=load, model="large", start_s=LOADING_S)
        await run_outage(outage, providers, findings)
        await judge_explanations(outage, "atlas/large", findings)
        await served.stop()
    return findings


def _version(python: Path) -> str:
    asked = [str(python), "-c", "from importlib.metadata import version; print(version('llama-cpp-python'))"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Run at full size and write reports/llama.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--seconds", type=float, default=60.0)
    wanted.add_argument(
        "--venv", type=Path, default=ROOT / ".venv-llama", help="where llama_cpp and gguf are"
    )
    args = wanted.parse_args()
    python = args.venv / "bin/python"
    if not python.exists():
        raise SystemExit(f"{args.venv} is missing: `make llama` builds it")
    options = Options(python=python, seconds=args.seconds)
    report = Report(LINE, seed=args.seed, full=options == Options(python=python))
    with tempfile.TemporaryDirectory(prefix="interlock-llama-") as folder:
        findings = asyncio.run(run(options, Path(folder)))
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
