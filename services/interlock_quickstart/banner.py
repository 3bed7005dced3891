"""What a start prints: where things are, one command that works as pasted, and what is missing."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_domain.catalog.config import Config
from interlock_quickstart.demo.catalog import POLICY_NOTE

DEFAULT_DATA_DIR: Final = Path(".interlock")


class Started(Struct, frozen=True, kw_only=True):
    """What the first lines are made from. `missing`: provider -> what to set."""

    gateway_url: str
    control_url: str
    data_dir: Path
    config: Config
    source: str
    demo: bool
    drift: str | None = None
    missing: Mapping[str, str] = {}


def banner(started: Started) -> Iterator[str]:
    """The lines."""
    what = "demo: 3 simulated providers, no keys" if started.demo else started.source
    yield f"Interlock {version('interlock')}  {what}, state in {started.data_dir}"
    yield f"  gateway    {started.gateway_url}/v1      control  {started.control_url}"
    model = model_to_try(started.config)
    if model is not None:
        yield f"  try it     {curl(started.gateway_url, model)}"
    yield f"  explain    interlock explain last{where(started.data_dir)}"
    if started.drift is not None:
        yield f"  drift      {started.drift}"
    for provider, what_to_set in started.missing.items():
        yield f"  missing    {provider}: {what_to_set}, then start again; its targets are not called"
    if started.demo:
        yield f"  note       {POLICY_NOTE}"
    yield ""


def curl(gateway_url: str, model: str) -> str:
    """A request that works as pasted into a shell."""
    asked = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    body = json.dumps(asked, separators=(",", ":"))
    return f"curl {gateway_url}/v1/chat/completions -H 'content-type: application/json' -d '{body}'"


def model_to_try(config: Config) -> str | None:
    """The first pool, else the first target."""
    names = [*(pool.name for pool in config.pools), *(target.id for target in config.targets)]
    return names[0] if names else None


def where(data_dir: Path) -> str:
    """The option by which a command finds this data folder, when it is not the usual one."""
    return "" if data_dir == DEFAULT_DATA_DIR else f" --data-dir {data_dir}"
