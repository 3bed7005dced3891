"""The values of a decision: what it read, whom it considered, and why.

Rule: `route(snapshot(version), inputs)` gives the recorded plan byte for byte. Whatever route()
reads beside the snapshot is a field of `RouteInputs` and is recorded; a field it reads and the
record lacks is a bug. `encode_plan` is the byte form that proofs compare.
"""

from typing import Final

import msgspec
from msgspec import Struct, field

from interlock_domain.words import Api, Eligibility, FailureClass, Reason, Shape, StrategyName

ENGINE: Final = "1"
"""Version of compile + route; raise it when the same inputs may give another plan."""


class Traits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request needs, read once from its body. `needs` are capability names, sorted."""

    api: Api = Api.CHAT
    shape: Shape = Shape.TEXT
    needs: tuple[str, ...] = ()
    stream: bool = False
    context_tokens: int | None = None
    """Estimate; only read when a candidate declares a context window."""


class RouteInputs(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every input of a decision beside the snapshot, as recorded.

    `local` holds the targets whose local breaker is open for the shape; `probed` those whose probe
    of the current slot this gateway has already given away; `fingerprints` provider -> credential
    fingerprint, only for providers with a quarantine in the snapshot.
    """

    model: str
    traits: Traits
    as_of_ms: int
    seed: int
    gateway: str
    worker: int = 0
    """Which of the gateway's workers asks; they count from 1, and 0 is the only one."""
    workers: int = 1
    turn: int = 0
    """Round-robin turn of (pool, shape) at this gateway."""
    local: tuple[str, ...] = ()
    probed: tuple[str, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)


class Candidate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One target inside one routing pass. `rank` counts from 1; None = not in the plan.

    `until_ms` (log time) says when a soft exclusion may end; `cause` is the log position behind the first
    reason and `failure` the class that led to it.
    """

    target: str
    state: Eligibility
    reasons: tuple[Reason, ...] = ()
    rank: int | None = None
    probe: bool = False
    until_ms: int | None = None
    cause: int | None = None
    failure: FailureClass | None = None


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The plan: ranked candidates first, in order, then those passed over, in pool order."""

    pool: str
    strategy: StrategyName
    candidates: tuple[Candidate, ...]

    def ranked(self) -> tuple[Candidate, ...]:
        """The candidates to try, best first."""
        candidates = self.candidates
        if not candidates or candidates[-1].rank is not None:
            return candidates  # those without a rank come last
        return tuple([c for c in candidates if c.rank is not None])


class UnknownModel(Struct, frozen=True):
    """The request's model is neither a pool nor `provider/model` of a known provider."""

    model: str


_encoder = msgspec.json.Encoder(order="deterministic")


def encode_plan(decision: Decision) -> bytes:
    """Canonical bytes of a decision; equal decisions have equal bytes."""
    return _encoder.encode(decision)
