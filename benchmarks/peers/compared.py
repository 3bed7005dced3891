"""One gateway of a run as the load sees it: where it is asked, what it is called, what was measured."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from benchmarks.load import Load
from benchmarks.nginx import nginx_version
from benchmarks.peers.upstreams import Upstreams

CHAT: Final = "/v1/chat/completions"


@dataclass(frozen=True)
class Asked:
    """Where and how one kind of load asks."""

    url: str
    model: str = "m"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Gateway:
    """One running gateway; `failover`: its ways to have a broken target before a healthy one."""

    name: str
    version: str
    pid: int
    seconds: int
    """Of one load: enough requests for a figure."""
    asked: Callable[[str], Asked]
    failover: dict[str, Asked] = field(default_factory=dict)
    loads: dict[str, list[Load]] = field(default_factory=dict)
    beside: dict[str, list[Load]] = field(default_factory=dict)
    """nginx in the same rounds, just before."""


def nginx(ups: Upstreams) -> Gateway:
    """nginx as a plain proxy: the floor."""
    at = f"http://127.0.0.1:{ups.proxy.port}"
    return Gateway(
        "nginx", nginx_version(), ups.proxy.pid, 2, lambda kind: Asked(f"{at}/{kind}/chat/completions")
    )
