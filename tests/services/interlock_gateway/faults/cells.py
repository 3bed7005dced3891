"""The cells of the fault matrix: client APIs, whole or streamed, each fault, with a fallback and without.

A cell has a pool and a target of its own, so that nothing that one teaches the gateway is known in another.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from interlock_testing.faults import FAULTS

FAULTY, HEALTHY = "faulty", "healthy"
"""Who fails, and who stands behind."""


class Surface(Struct, frozen=True, eq=False):
    """A client API as a test asks it. `shape`: what its failures are remembered under, where they are."""

    name: str
    path: str
    fields: dict[str, Any]
    streams: bool = True
    anthropic: bool = False
    shape: str = "text"
    evidence: bool = True

    @property
    def suffix(self) -> str:
        """Of the names of its providers: their base URLs end differently."""
        return "-messages" if self.anthropic else ""


_SAID: Final = [{"role": "user", "content": "Say hello"}]
SURFACES: Final = (
    Surface("chat", "/v1/chat/completions", {"messages": _SAID}),
    Surface("completions", "/v1/completions", {"prompt": "Say hello"}),
    Surface("responses", "/v1/responses", {"input": "Say hello"}),
    Surface("messages", "/v1/messages", {"messages": _SAID, "max_tokens": 64}, anthropic=True),
    Surface("embeddings", "/v1/embeddings", {"input": "hello"}, streams=False, shape="embeddings"),
    Surface(
        "count_tokens",
        "/v1/messages/count_tokens",
        {"messages": _SAID},
        streams=False,
        anthropic=True,
        evidence=False,
    ),
)
MODES: Final = tuple(
    (surface, stream) for surface in SURFACES for stream in (False, True)[: 1 + surface.streams]
)

ADDRESSES: Final = ("connect-refused", "connect-unanswered", "tls-failure")
"""Faults of the address: a provider each, and none of them ever hears a request."""
TIMED: Final = {
    "connect-unanswered": ("connect",),
    "stall-before-headers": ("response", "first_token"),
    "stall-before-content": ("response", "first_token"),
    "stall-after-content": ("response", "stall"),
    "slow-first-token": ("response", "first_token"),
}
"""Faults that end by a limit, and by which: it is a short one in their pools."""
HEAVY: Final = frozenset({"garbage-100-mb", "endless-headers"})
"""Faults that keep a processor busy: one at a time, and not while a limit runs."""


class Cell(Struct, frozen=True):
    """One cell; `alone`: no other target stands behind."""

    surface: Surface
    stream: bool
    fault: str
    alone: bool

    @property
    def mode(self) -> str:
        """How the answer comes."""
        return "streamed" if self.stream else "whole"

    @property
    def name(self) -> str:
        """Of its pool, and of the model whose provider reads the fault from it."""
        return f"{self.fault}.{self.surface.name}-{self.mode}-{'alone' if self.alone else 'backed'}"

    @property
    def provider(self) -> str:
        """Whose the failing target is."""
        return (self.fault if self.fault in ADDRESSES else FAULTY) + self.surface.suffix

    @property
    def target(self) -> str:
        """The failing target."""
        return f"{self.provider}/{self.name}"

    @property
    def fallback(self) -> str:
        """The target behind it."""
        return f"{HEALTHY}{self.surface.suffix}/large"


def faults(*, stream: bool) -> Iterator[str]:
    """Every fault that such an answer can have."""
    yield from ADDRESSES
    for name, fault in FAULTS.items():
        if (fault.stream if stream else fault.whole) is not None:
            yield name


def cells_of(surface: Surface, *, stream: bool) -> tuple[Cell, ...]:
    """All cells of one API and mode."""
    return tuple(
        Cell(surface, stream, fault, alone) for fault in faults(stream=stream) for alone in (False, True)
    )
