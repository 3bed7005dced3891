"""Runs the cases of one SDK with whatever generation of it this Python has, and writes what its user saw.

    python -m tests.sdk.run --sdk openai --mode sync --mode async --out seen.json
        --side direct http://127.0.0.1:9001/direct/{mode}/{case}/v1 large
        --side through http://127.0.0.1:8080/v1 {mode}-{case}/large

`--side NAME BASE_URL MODEL`, in which `{mode}` and `{case}` are filled in (a case's name with dashes only).
The file: `{sdk, version, runtime, seen: {mode: {case: {side: observation}}}}`, where an observation is what
the case returned, `{"raised": ...}` or `{"absent": why}`. Rule: this program judges nothing and imports
nothing but the SDK. A plug-in of the test runner was dropped: it would have to be in each environment too.
"""

import argparse
import asyncio
import importlib
import json
import platform
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.sdk.case import Absent, Cases, Use
from tests.sdk.shown import raised
from tests.sdk.suites import SUITES

LONGEST_S: Final = 30.0
"""Of one asynchronous case; a synchronous one has its client's timeouts."""
_CLIENTS: Final = {
    ("openai", "sync"): "OpenAI",
    ("openai", "async"): "AsyncOpenAI",
    ("anthropic", "sync"): "Anthropic",
    ("anthropic", "async"): "AsyncAnthropic",
}


class Side(NamedTuple):
    """Where to ask, and for what, as templates."""

    name: str
    base_url: str
    model: str


def run_sync(sdk: Any, cases: Cases, side: Side) -> dict[str, Any]:
    """Every case with the synchronous client."""
    made = getattr(sdk, _CLIENTS[sdk.__name__, "sync"])
    with sdk.DefaultHttpxClient(trust_env=False, verify=False) as http:
        return {
            name: _driven(_observed(_use(sdk, made, "sync", side, name, http), cases, name))
            for name in cases.runs
        }


def run_async(sdk: Any, cases: Cases, side: Side) -> dict[str, Any]:
    """Every case with the asynchronous client."""
    made = getattr(sdk, _CLIENTS[sdk.__name__, "async"])

    async def run() -> dict[str, Any]:
        async with sdk.DefaultAsyncHttpxClient(trust_env=False, verify=False) as http:
            found = {}
            for name in cases.runs:
                use = _use(sdk, made, "async", side, name, http)
                found[name] = await asyncio.wait_for(_observed(use, cases, name), LONGEST_S)
            return found

    return asyncio.run(run())


_RUNS: Final = {"sync": run_sync, "async": run_async}


def _use(sdk: Any, made: Any, mode: str, side: Side, name: str, http: Any) -> Use:
    http.cookies.clear()  # one case's cookies are not the next one's
    words = {"mode": mode, "case": name.replace("/", "-")}
    base_url, model = side.base_url.format(**words), side.model.format(**words)
    return Use(sdk, made, base_url=base_url, model=model, http=http)


async def _observed(use: Use, cases: Cases, name: str) -> Any:
    try:
        return await cases.runs[name](use)
    except Absent as why:
        return {"absent": str(why)}
    except Exception as error:  # noqa: BLE001  what the SDK raises is what its user sees
        return {"raised": raised(error)}


def _driven(case: Coroutine[Any, Any, Any]) -> Any:
    """The value of a coroutine that has nothing to wait for: the client blocks instead."""
    try:
        case.send(None)
    except StopIteration as ended:
        return ended.value
    raise RuntimeError("a synchronous case awaited something")


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdk", choices=sorted(SUITES), required=True)
    parser.add_argument("--mode", action="append", choices=("sync", "async"), required=True)
    parser.add_argument("--side", action="append", nargs=3, required=True)
    parser.add_argument("--case", action="append", help="of all cases these alone")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    sdk = importlib.import_module(given.sdk)
    cases = SUITES[given.sdk] if given.case is None else SUITES[given.sdk].chosen(given.case)
    sides = [Side(*each) for each in given.side]
    jobs = [(mode, side) for mode in given.mode for side in sides]
    seen: dict[str, dict[str, dict[str, Any]]] = {}
    with ThreadPoolExecutor(len(jobs)) as threads:  # much of the time is spent in waiting for timeouts
        ran = threads.map(lambda job: _RUNS[job[0]](sdk, cases, job[1]), jobs)
        for (mode, side), found in zip(jobs, ran, strict=True):
            for name, observation in found.items():
                seen.setdefault(mode, {}).setdefault(name, {})[side.name] = observation
    told = {"sdk": given.sdk, "version": sdk.__version__, "runtime": f"Python {platform.python_version()}"}
    given.out.write_text(json.dumps(told | {"seen": seen}), encoding="utf-8")


if __name__ == "__main__":
    main()
