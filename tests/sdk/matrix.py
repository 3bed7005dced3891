"""Runs the cases of one SDK against a provider and through a gateway before it, and compares.

Owns the wiring: one provider of a thousand scripts, a gateway whose exact targets are those scripts, and the
runner in a process of its own. Rule: each case has a provider name of its own, so that a failure which the
gateway remembers (a cooldown, a quarantine) can never be the reason why another case differs.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from interlock_testing.running import GatewayOptions, RunningLoop, running
from interlock_testing.waiting import until
from tests.sdk.case import CALLERS_KEY
from tests.sdk.compare import Compared, compared
from tests.sdk.listed import EXPECTED, LISTED
from tests.sdk.provider import GATEWAYS_KEY, CaseProvider, Place, told
from tests.sdk.scripts import SCRIPTS

ROOT: Final = Path(__file__).resolve().parents[2]
SIDES: Final = ("direct", "through")
LEFT_S: Final = 30.0
"""After the last case, until the provider knows of every caller that went away."""


class Runner(Struct, frozen=True, kw_only=True):
    """How the cases of one SDK are run: a command that takes `--side` and `--out`, and what it will ask."""

    sdk: str
    command: tuple[str, ...]
    modes: tuple[str, ...]
    cases: tuple[str, ...]
    longest_s: float = 120.0


class Matrix(Struct, kw_only=True):
    """What came of it: `cells` by mode and case."""

    sdk: str
    version: str
    runtime: str
    cells: dict[str, dict[str, Compared]]


class RunnerFailed(Exception):
    """The program that runs the cases did not get to its end; its last words."""


async def play(runner: Runner, folder: Path, *, provider: str = "") -> Matrix:
    """All cases in all modes on both sides; `folder` is for what the runner writes.

    `provider` is YAML that the configuration says of each provider: a gateway that changes what it passes on.
    """
    scripts = {_dashed(name): script for name, script in SCRIPTS[runner.sdk].items()}
    async with CaseProvider(scripts) as upstream:
        options = GatewayOptions(secrets={"UPSTREAM_KEY": GATEWAYS_KEY})
        async with running(_config(runner, upstream, provider), options=options) as loop:
            ran = await _run(runner, upstream, loop, folder)
            await until(lambda: not upstream.open, timeout_s=LEFT_S, what="no answer to be on its way")
    cells = {
        mode: {
            name: compared(
                name,
                *(_observed(upstream, side, mode, name, seen[side]) for side in SIDES),
                listed=LISTED,
                expected=EXPECTED,
            )
            for name, seen in cases.items()
        }
        for mode, cases in ran["seen"].items()
    }
    return Matrix(sdk=runner.sdk, version=ran["version"], runtime=ran["runtime"], cells=cells)


def _config(runner: Runner, upstream: CaseProvider, more: str) -> str:
    """A provider for each case and mode; the two pools are there to be listed as models."""
    anthropic = runner.sdk == "anthropic"
    style = (
        "apis: [messages], auth: {header: x-api-key, prefix: ''}"
        if anthropic
        else "apis: [chat, completions, responses, embeddings]"
    )
    end = "" if anthropic else "/v1"
    names = [f"{mode}-{_dashed(case)}" for mode in runner.modes for case in runner.cases]
    lines = ["providers:"]
    for mode in runner.modes:
        for case in map(_dashed, runner.cases):
            url = f"{upstream.root_url}/through/{mode}/{case}{end}"
            said = ", ".join(filter(None, (f"base_url: {url}", style, "api_key: env:UPSTREAM_KEY", more)))
            lines.append(f"  {mode}-{case}: {{{said}}}")
    lines.append("pools:")
    lines += [f"  {model}: [{names[0]}/large]" for model in upstream.models]
    lines.append("policy: {attempts: {backoff: {initial: 1ms, max: 2ms}}}")
    digest = hashlib.sha256(CALLERS_KEY.encode()).hexdigest()
    return "\n".join([*lines, "keys:", f"  - {{name: sdk, sha256: {digest}}}"])


async def _run(runner: Runner, provider: CaseProvider, loop: RunningLoop, folder: Path) -> Any:
    end = "" if runner.sdk == "anthropic" else "/v1"
    out = folder / f"{runner.sdk}-{'-'.join(runner.modes)}.json"
    words = [
        *runner.command,
        *("--side", "direct", f"{provider.root_url}/direct/{{mode}}/{{case}}{end}", "large"),
        *("--side", "through", f"{loop.url}{end}", "{mode}-{case}/large"),
        *("--out", str(out)),
    ]
    await _called(words, runner.longest_s)
    return json.loads(await asyncio.to_thread(out.read_text, encoding="utf-8"))


async def _called(words: Sequence[str], longest_s: float) -> None:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, env=kept, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), longest_s)
    except TimeoutError:
        raise RunnerFailed(f"still running after {longest_s} s: {' '.join(words)}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RunnerFailed(said.decode(errors="replace")[-4000:])


def _observed(provider: CaseProvider, side: str, mode: str, case: str, seen: Any) -> dict[str, Any]:
    """What the user saw, and what reached the provider for it."""
    key = CALLERS_KEY if side == "direct" else GATEWAYS_KEY
    heard = provider.heard_in(Place(side, mode, _dashed(case)))
    return {"seen": seen, "asked": told(heard, key)}


def _dashed(case: str) -> str:
    return case.replace("/", "-")
