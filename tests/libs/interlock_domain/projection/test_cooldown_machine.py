"""One (target, shape) as a state machine: whatever happens in whatever order, its phases follow the rules."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from interlock_domain.catalog.policy import HalfOpenPolicy
from interlock_domain.events import CooldownLifted
from interlock_domain.health.cooldown import CALM_MS
from interlock_domain.projection.rows import target_row
from interlock_domain.rows import CooldownPhase, CooldownRow, cooldown_phase
from interlock_domain.words import EffectKind as E
from interlock_domain.words import FailureClass
from tests.libs.interlock_domain.projection.story import TARGET, Story

RAMP_MS = HalfOpenPolicy().ramp_ms


class CooldownMachine(RuleBasedStateMachine):
    """A closed, cooling, half-open and ramping target, and what each phase allows."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story("g1").declares(TARGET)
        self.returned: int | None = None
        self.level = -1

    @property
    def row(self) -> CooldownRow | None:
        return self.story.learned()

    @property
    def phase(self) -> CooldownPhase | None:
        row = self.row
        return cooldown_phase(row, HalfOpenPolicy(), self.story.state.log_ms) if row is not None else None

    @rule(ms=st.sampled_from((1, 900, 5_000, 14_000, 31_000, 301_000)))
    def time_passes(self, ms: int) -> None:
        before = self.phase
        self.story.at(self.story.now + ms)
        found = {e.kind for e in self.story.reports("g1")}
        if self.phase is CooldownPhase.HALF_OPEN and before is CooldownPhase.COOLING:
            assert found == {E.PROBE_WINDOW_OPENED}
        elif before is CooldownPhase.RAMPING and self.phase is None:
            assert found == {E.RAMP_ENDED}
        else:
            assert found == set()
            assert self.phase is before

    @precondition(lambda self: self.phase in {None, CooldownPhase.RAMPING})
    @rule()
    def a_burst_of_failures_opens(self) -> None:
        self.story.at(self.story.now + 250)  # a success just before the burst would still speak for it
        calm = self.returned is None or self.story.now - self.returned >= CALM_MS
        expected = 0 if calm else self.level + 1
        (opened,) = [e for e in self.story.fails(times=10) if e.kind is E.COOLDOWN_OPENED]
        assert opened.level == expected
        self.level, self.returned = expected, None
        assert self.phase is CooldownPhase.COOLING

    @precondition(lambda self: self.phase is CooldownPhase.HALF_OPEN)
    @rule(failure=st.sampled_from((FailureClass.SERVER_ERROR, FailureClass.RATE_LIMIT, FailureClass.TIMEOUT)))
    def a_failed_probe_reopens(self, failure: FailureClass) -> None:
        (opened,) = self.story.fails(probe=True, failure=failure)
        assert (opened.kind, opened.level) == (E.COOLDOWN_OPENED, self.level + 1)
        self.level += 1
        assert self.phase is CooldownPhase.COOLING

    @precondition(lambda self: self.phase is CooldownPhase.HALF_OPEN)
    @rule()
    def a_successful_probe_returns(self) -> None:
        kinds = [e.kind for e in self.story.succeeds(probe=True)]
        assert kinds == [E.COOLDOWN_ENDED, E.RAMP_STARTED]
        assert self.phase is CooldownPhase.RAMPING
        self.returned = self.story.now

    @precondition(lambda self: self.phase is not CooldownPhase.HALF_OPEN)
    @rule()
    def successes_elsewhere_in_the_cycle_change_nothing(self) -> None:
        before = self.row
        assert self.story.counted(3) == []
        assert self.story.succeeds(probe=True) == []
        assert self.row == before

    @precondition(lambda self: self.phase is CooldownPhase.COOLING)
    @rule()
    def stragglers_change_nothing(self) -> None:
        before = self.row
        assert self.story.fails(times=6, elapsed_ms=30_000) == []
        assert self.row == before

    @precondition(lambda self: self.phase is CooldownPhase.HALF_OPEN)
    @rule()
    def old_requests_give_no_verdict(self) -> None:
        before = self.row
        assert self.story.fails(times=6, elapsed_ms=10_000_000) == []
        assert self.row == before

    @rule()
    def lifting_closes_whatever_there_is(self) -> None:
        self.story.decide(f"target/{TARGET}", CooldownLifted(target=TARGET, shape="*"))
        assert self.phase is None
        self.level, self.returned = -1, None

    @invariant()
    def a_row_exists_while_there_is_something_to_say(self) -> None:
        row = target_row(self.story.state, TARGET)
        assert (row is None) == (self.row is None)
        if row is not None:
            assert self.phase is not CooldownPhase.OVER
            assert row.learned[0].level == self.level

    @invariant()
    def every_cooldown_ends_within_its_bounds(self) -> None:
        row = self.row
        if row is not None and row.returned_ms is None:
            assert 0 < row.until_ms - row.opened_ms <= 330_000
        if row is not None and row.returned_ms is not None:
            assert self.story.state.log_ms < row.returned_ms + RAMP_MS


TestCooldownMachine = CooldownMachine.TestCase
TestCooldownMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
