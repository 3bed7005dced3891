"""The demo's configuration: what an interlock.yaml for three providers on this machine would say.

Rule: it is read like any file, so the demo shows nothing that a file could not do. The waits are shorter
than the defaults, and whoever watches is told so. Ports are those of the journal's last demo where they
are free, so that a restart applies nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from interlock_domain.catalog.provider import Provider
from interlock_domain.words import Api

PROVIDERS: Final = ("atlas", "breeze", "cirrus")
MODEL: Final = "large"
POOL: Final = "chat"
POLICY_NOTE: Final = (
    "the demo's policy sets cooldown.initial 3s, probe_interval 1s, ramp 3s; the defaults are 15s, 5s, 30s"
)


def demo_config(ports: Sequence[int]) -> dict[str, object]:
    """The parsed file, for providers that listen on these ports."""
    return {
        "providers": {
            name: {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "none", "apis": [*Api]}
            for name, port in zip(PROVIDERS, ports, strict=True)
        },
        "pools": {POOL: [f"{name}/{MODEL}" for name in PROVIDERS]},
        "policy": {
            "cooldown": {"initial": "3s"},
            "half_open": {"probe_interval": "1s", "ramp": "3s"},
        },
    }


def known_ports(providers: Iterable[Provider]) -> Mapping[str, int]:
    """Where the demo's providers listened last time."""
    found: dict[str, int] = {}
    for provider in providers:
        port = provider.base_url.removeprefix("http://127.0.0.1:").removesuffix("/v1")
        if provider.name in PROVIDERS and port.isdecimal():
            found[provider.name] = int(port)
    return found
