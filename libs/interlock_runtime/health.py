"""What a process says of itself over HTTP: alive, ready, and its numbers. Raw ASGI, GET and HEAD.

Rule: alive means that the loop answers; what ready means, the service says, with the reason in words. A
metric has no label that grows. Dropped: a web framework for three fixed answers.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final, Protocol

from msgspec import Struct

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

METRICS_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
TEXT: Final = b"text/plain; charset=utf-8"


class Metric(Struct, frozen=True):
    """One metric with its whole name; its samples by labels as `labels` writes them, empty for none."""

    name: str
    kind: str
    says: str
    samples: Mapping[str, float]


class Told(Protocol):
    """What is asked of a service."""

    def readiness(self) -> tuple[bool, str]:
        """Whether it does its part, and what there is to say about it, in lines."""
        ...

    def metrics(self) -> Iterable[Metric]:
        """Its numbers."""
        ...


class HealthApp:
    """An ASGI application over one service."""

    def __init__(self, told: Told) -> None:
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status, kind, body = self._answer(scope["path"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, path: str) -> tuple[int, bytes, bytes]:
        if path == "/healthz":
            return 200, TEXT, b"ok\n"
        if path == "/readyz":
            ready, said = self._told.readiness()
            return (200 if ready else 503), TEXT, f"{said}\n".encode()
        if path == "/metrics":
            return 200, METRICS_TYPE, metrics_text(self._told.metrics()).encode()
        return 404, TEXT, b"here are /healthz, /readyz and /metrics\n"


def labels(**given: str) -> str:
    """Labels as Prometheus writes them."""
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for name, value in given.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def metrics_text(metrics: Iterable[Metric]) -> str:
    """The numbers in the Prometheus text format."""
    lines: list[str] = []
    for one in metrics:
        lines += [f"# HELP {one.name} {one.says}", f"# TYPE {one.name} {one.kind}"]
        lines += [f"{one.name}{label} {value:.15g}" for label, value in sorted(one.samples.items())]
    return "\n".join(lines) + "\n"
