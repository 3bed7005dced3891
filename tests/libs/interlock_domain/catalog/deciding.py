"""Given a catalog, when a command: applies configurations step by step as the control plane does."""

from typing import Any

from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.catalog.config import Config
from interlock_domain.catalog.decide import Rejected, RejectedWhy, StreamEvents, decide
from interlock_domain.catalog.declared import Declared, evolve_declared
from interlock_domain.events import Decision
from tests.libs.interlock_domain.catalog.reading import config_of


def events_of(decided: tuple[StreamEvents, ...] | Rejected) -> list[tuple[str, Decision]]:
    """(stream, event) in order; a refusal fails the test."""
    assert not isinstance(decided, Rejected), decided
    return [(part.stream, event) for part in decided for event in part.events]


def refusal_of(decided: tuple[StreamEvents, ...] | Rejected) -> tuple[RejectedWhy, str]:
    """Why, and what to do."""
    assert isinstance(decided, Rejected), decided
    return decided.reason, decided.hint


def applying(config: Config, digest: str = "d1", origin: str = "file", **more: Any) -> ApplyConfig:
    return ApplyConfig(config=config, digest=digest, origin=origin, **more)


def after(declared: Declared, command: ApplyConfig) -> Declared:
    """The catalog once the command's events are folded."""
    for _, event in events_of(decide(declared, command)):
        declared = evolve_declared(declared, event)
    return declared


def with_targets(count: int) -> Config:
    """One pool over so many targets of one provider."""
    return config_of(pools={"p": [f"local/m{number}" for number in range(count)]}) if count else config_of()
