"""The other gateways, each started as its own documentation has it, with one target for each kind of load.

Rule: they do the least they can: one target, no retries asked for, logs as quiet as is documented.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.load import KEY
from benchmarks.peers.compared import CHAT, Asked, Gateway
from benchmarks.peers.installed import (
    Missing,
    litellm,
    litellm_version,
    node_version,
    portkey,
    portkey_version,
)
from benchmarks.peers.upstreams import Upstreams
from interlock_testing.waiting import ServerProcess, free_port

START_S: Final = 120.0
"""LiteLLM imports for ten seconds on an idle machine."""


@asynccontextmanager
async def portkey_gateway(folder: Path, ups: Upstreams) -> AsyncIterator[Gateway | Missing]:
    """Portkey's gateway on node; it is told its target by the headers of each request."""
    program = portkey()
    if isinstance(program, Missing):
        yield program
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["node", str(program), f"--port={port}", "--headless"]
    targets = [
        {"provider": "openai", "custom_host": at, "api_key": "sk-upstream"}
        for at in (ups.broken_url(), ups.base_url("unary"))
    ]
    fallback = json.dumps({"strategy": {"mode": "fallback"}, "targets": targets})
    async with _started(command, url=f"{url}/", log=folder / "portkey.log") as process:
        yield Gateway(
            "Portkey",
            f"{portkey_version()}, node {node_version()}",
            process.pid,
            3,
            lambda kind: Asked(
                url + CHAT,
                headers={"x-portkey-provider": "openai", "x-portkey-custom-host": ups.base_url(kind)},
            ),
            {"Portkey, `fallback`": Asked(url + CHAT, headers={"x-portkey-config": fallback})},
        )


@asynccontextmanager
async def litellm_proxy(folder: Path, ups: Upstreams) -> AsyncIterator[Gateway | Missing]:
    """LiteLLM's proxy, one worker; its models are known to its price list, its key is asked for."""
    program = litellm()
    if isinstance(program, Missing):
        yield program
        return
    named = {kind: ups.base_url(kind) for kind in ups.ports}
    named |= {"first": ups.broken_url(), "second": ups.base_url("unary")}
    models = [_deployed(name, at) for name, at in named.items()]
    models += [_deployed("group", at) for at in (ups.broken_url(), ups.base_url("unary"))]
    config = {
        "model_list": models,
        "litellm_settings": {"fallbacks": [{"first": ["second"]}], "telemetry": False},
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0},
    }
    path = folder / "litellm.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(program), "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"}
    ready = f"{url}/health/liveliness"
    async with _started(command, url=ready, log=folder / "litellm.log", **quiet) as process:
        yield Gateway(
            "LiteLLM",
            litellm_version(),
            process.pid,
            5,
            lambda kind: Asked(url + CHAT, model=kind),
            {
                "LiteLLM, `fallbacks`": Asked(url + CHAT, model="first"),
                "LiteLLM, one group": Asked(url + CHAT, model="group"),
            },
        )


def _deployed(name: str, at: str) -> dict[str, object]:
    return {
        "model_name": name,
        "litellm_params": {"model": "openai/gpt-4o-mini", "api_base": at, "api_key": "sk-upstream"},
    }


@asynccontextmanager
async def _started(command: list[str], *, url: str, log: Path, **more: str) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(command, url=url, log_path=log, env=os.environ | more)
    await process.start(timeout_s=START_S)
    try:
        yield process
    finally:
        process.kill()
