"""The look at how the cell stands: metrics of what was seen last, and a stuck relay is said aloud."""

import pytest

from interlock_control.metrics import Metrics
from interlock_control.standing import StandingWatch, stuck
from interlock_runtime.cell_rows import CellStanding
from interlock_runtime.postgres import DatabaseUnreachable
from interlock_testing.clock import FakeClock


def standing(waiting: int = 0, waiting_s: float = 0.0, relays: int = 1) -> CellStanding:
    return CellStanding(
        generation=1,
        decided=9,
        waiting=waiting,
        waiting_s=waiting_s,
        relays=relays,
        letters=2,
        projection="routing-1",
        projected=40,
        epoch=3,
        owner="me",
        lease_s=2.0,
    )


class Look:
    """Answers what it is told to."""

    def __init__(self, *answers: CellStanding | Exception) -> None:
        self.answers = list(answers)

    async def __call__(self) -> CellStanding:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def watching(look: Look, clock: FakeClock) -> tuple[StandingWatch, Metrics]:
    watch = StandingWatch(look, away=(DatabaseUnreachable,), monotonic=clock.monotonic)
    metrics = Metrics()
    watch.measure(metrics)
    return watch, metrics


async def test_what_was_seen_is_told_as_metrics(clock: FakeClock):
    watch, metrics = watching(Look(standing(waiting=4, waiting_s=1.5)), clock)
    assert "\ninterlock_journal_waiting " not in metrics.text()
    await watch.look()
    told = metrics.text()
    assert "\ninterlock_journal_waiting 4\n" in told
    assert "\ninterlock_journal_waiting_seconds 1.5\n" in told
    assert "\ninterlock_relays_active 1\n" in told
    assert "\ninterlock_projection_owned 1\n" in told
    assert "\ninterlock_dead_letters_waiting 2\n" in told


async def test_a_look_that_failed_leaves_nothing_that_is_old(clock: FakeClock):
    watch, metrics = watching(Look(standing(waiting=4), DatabaseUnreachable("away")), clock)
    await watch.look()
    await watch.look()
    assert "\ninterlock_journal_waiting " not in metrics.text()


async def test_a_stuck_relay_is_said_once_and_once_more_when_it_is_over(clock: FakeClock, caplog):
    late = standing(waiting=4, waiting_s=60.0)
    watch, _ = watching(Look(late, late, standing()), clock)
    for _ in range(3):
        await watch.look()
        clock.advance(5.0)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "4 decisions wait for the log, the first for 60 s" in said[0]
    assert "works again" in said[1]


@pytest.mark.parametrize(("relays", "what"), [(0, "no control plane publishes"), (1, "look at its log")])
def test_it_says_whether_anybody_publishes(relays, what):
    assert what in stuck(standing(waiting=4, waiting_s=60.0, relays=relays))
