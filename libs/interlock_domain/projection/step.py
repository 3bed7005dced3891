"""One record being folded: the state, the moment, and what was observed on the way.

Rule: handlers change the state only through what a step carries, so that each change marks its row and each
effect is numbered. A step lives for one record.
"""

from typing import Final, TypedDict, Unpack

from interlock_domain.projection.effects import Effect
from interlock_domain.projection.state import BootState, State
from interlock_domain.recorded import RecordedEvent
from interlock_domain.words import EffectKind, EndedWhy, FailureClass, Provenance

LATE_MS: Final = 5_000
"""Evidence older than that joins the lists but changes no cooldown: it speaks of another time."""


class _Details(TypedDict, total=False):
    shape: str | None
    why: EndedWhy | None
    failure: FailureClass | None
    provenance: Provenance | None
    until_ms: int | None
    level: int | None
    fingerprint: str | None
    evidence: tuple[int, ...]


class Step:
    """`now_ms` is the fold clock, `at_ms` the time of the evidence; `before_ms` the clock one record ago.

    `gateway` and `boot` say who reports; only facts have them.
    """

    boot: BootState

    __slots__ = ("at_ms", "before_ms", "boot", "effects", "gateway", "late", "now_ms", "recorded", "state")

    def __init__(self, state: State, recorded: RecordedEvent, before_ms: int) -> None:
        self.state = state
        self.recorded = recorded
        self.before_ms = before_ms
        self.now_ms = state.clock.now_ms
        age_ms = max(0, recorded.age_ms)
        self.at_ms = self.now_ms - age_ms
        self.late = age_ms > LATE_MS
        self.effects: list[Effect] = []
        self.gateway = ""

    def observe(self, kind: EffectKind, subject: str, **details: Unpack[_Details]) -> None:
        """Number an effect of this record."""
        self.effects.append(
            Effect(
                kind=kind,
                subject=subject,
                position=self.recorded.position,
                n=len(self.effects),
                at_ms=self.now_ms,
                **details,
            )
        )

    def touch(self, key: str) -> None:
        """The row may have changed."""
        self.state.table.dirty[key] = True

    def schedule(self, key: str, at_ms: int) -> None:
        """Look at `key` again no later than at that time."""
        state = self.state
        if at_ms < state.due.get(key, at_ms + 1):
            state.due[key] = at_ms
            state.next_due_ms = min(state.next_due_ms, at_ms)
