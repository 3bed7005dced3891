"""The proof: is the recorded decision what route() gives for the recorded inputs?

Rule: compare bytes, never a judgement of what matters; a difference in one reason code is a
difference. What cannot be recomputed is said to be so and never called equal. Dropped: trusting the
stored plan, because a record that nobody checks is a log line, not evidence.
"""

from enum import StrEnum

from msgspec import Struct

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.routing.decision import ENGINE, Decision, UnknownModel, encode_plan
from interlock_domain.routing.route import route
from interlock_domain.snapshot.snapshot import Snapshot


class Verdict(StrEnum):
    """What a recomputation found."""

    EQUAL = "equal"
    DIFFERS = "differs"
    ENGINE_CHANGED = "engine_changed"
    """Another engine made the record; its golden decisions are in the tests, not in this process."""
    INPUTS_EXPIRED = "inputs_expired"
    """The log no longer reaches back to the snapshot."""


class Proof(Struct, frozen=True, kw_only=True):
    """A verdict with what led to it; `recomputed` None: nothing was, or the model is unknown."""

    verdict: Verdict
    engine: str = ENGINE
    recomputed: Decision | None = None

    @property
    def recomputed_equal(self) -> bool | None:
        """True or False as recomputed; None when it could not be."""
        if self.verdict in {Verdict.ENGINE_CHANGED, Verdict.INPUTS_EXPIRED}:
            return None
        return self.verdict is Verdict.EQUAL


def prove(snapshot: Snapshot | None, record: RequestRecord) -> Proof:
    """Recompute a record's decision; `snapshot` None: it can no longer be rebuilt."""
    if record.engine != ENGINE:
        return Proof(verdict=Verdict.ENGINE_CHANGED)
    if snapshot is None or snapshot.version != record.snapshot:
        return Proof(verdict=Verdict.INPUTS_EXPIRED)
    found = route(snapshot, record.inputs)
    decision = None if isinstance(found, UnknownModel) else found
    verdict = Verdict.EQUAL if _bytes(decision) == _bytes(record.decision) else Verdict.DIFFERS
    return Proof(verdict=verdict, recomputed=decision)


def recompute(snapshot: Snapshot | None, record: RequestRecord) -> Verdict:
    """The verdict alone."""
    return prove(snapshot, record).verdict


def _bytes(decision: Decision | None) -> bytes:
    return b"" if decision is None else encode_plan(decision)
