"""Builders of questions: route inputs in a few words, and what a decision says in a few words."""

from typing import Any

from interlock_domain.routing.decision import Candidate, Decision, RouteInputs, Traits
from interlock_domain.routing.route import route
from interlock_domain.snapshot.snapshot import Snapshot
from tests.libs.interlock_domain.snapshot.tables import NOW


def inputs(model: str = "chat", **fields: Any) -> RouteInputs:
    values: dict[str, Any] = {"traits": Traits(), "as_of_ms": NOW, "seed": 1, "gateway": "g1"}
    return RouteInputs(model=model, **(values | fields))


def decide(snapshot: Snapshot, model: str = "chat", **fields: Any) -> Decision:
    found = route(snapshot, inputs(model, **fields))
    assert isinstance(found, Decision)
    return found


def order(decision: Decision) -> list[str]:
    """The ranked targets, best first."""
    return [candidate.target for candidate in decision.ranked()]


def of(decision: Decision, target: str) -> Candidate:
    (found,) = [candidate for candidate in decision.candidates if candidate.target == target]
    return found
