"""Where in its plan a request stands.

Rule: the plan itself never changes; a course only says which of its candidates have been called, and which
comes next. That is the plan's order but for what a failure teaches (`attempt/onward.py`), and the hedge takes
one out of turn: so what is left is asked for here and never counted from a place in the plan.
"""

from msgspec import Struct

from interlock_domain.attempt.onward import Ahead, preferred, with_room
from interlock_domain.attempt.record import Skip
from interlock_domain.routing.decision import Candidate, Decision
from interlock_domain.snapshot.snapshot import CompiledPool
from interlock_domain.words import Eligibility, SkipReason
from interlock_gateway.attempt import Failed
from interlock_gateway.exchange import Exchange
from interlock_gateway.launch import member_of


class Course(Struct):
    """The `candidate` is being called; `left` are those that were not, in the order of their turns.

    `failures` are those of the attempts so far, as they came.
    """

    x: Exchange
    pool: CompiledPool
    decision: Decision
    failures: list[Failed]
    candidate: Candidate
    left: tuple[Candidate, ...]

    def rest(self) -> tuple[Candidate, ...]:
        """The candidates that were not called yet, in the order of their turns."""
        hedged = self.x.hedged
        return self.left if hedged is None else tuple(one for one in self.left if one.target != hedged)

    def go_on(self) -> bool:
        """Turn to the next candidate; False: there is none."""
        rest = self.rest()
        if rest:
            self.candidate, self.left = rest[0], rest[1:]
        return bool(rest)

    def tried(self) -> int:
        """Distinct targets that were called."""
        x = self.x
        return len({each.target for each in x.attempts} | {each.target.id for each in x.running})

    def learn(self, failed: Failed) -> bool:
        """Let a failure change who comes next; True: a prompt that was too long has a larger window left."""
        at = self._ahead(self.candidate)
        if failed.context_length:
            return self.pool.narrowest is not None and self._leave_room(at)
        if at.version is not None:
            self._order(preferred(tuple(map(self._ahead, self.rest())), at, failed.failure))
        return False

    def _leave_room(self, too_small: Ahead) -> bool:
        rest = self.rest()
        fitting = with_room(tuple(map(self._ahead, rest)), too_small)
        if not fitting:
            return False
        small = (one.target for one in rest if one.target not in fitting)
        self.x.skips += tuple(Skip(target=target, reason=SkipReason.CONTEXT_WINDOW) for target in small)
        self._order(fitting)
        return True

    def _order(self, targets: tuple[str, ...]) -> None:
        by_target = {one.target: one for one in self.left}
        self.left = tuple(by_target[target] for target in targets)

    def _ahead(self, candidate: Candidate) -> Ahead:
        declared = member_of(self.pool, candidate.target).target.target
        return Ahead(
            target=candidate.target,
            window=None if declared is None else declared.context_window,
            version=None if declared is None else declared.software_version,
            eligible=candidate.state is Eligibility.ELIGIBLE,
        )
