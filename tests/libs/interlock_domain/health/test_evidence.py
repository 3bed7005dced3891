"""Run-length lists: order, merging, and the cut that a policy makes."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.policy import CooldownPolicy
from interlock_domain.health.evidence import (
    MARKS_KEPT,
    Evidence,
    Runs,
    add,
    mark,
    marked,
    prune,
    recent,
    strikes,
)

POLICY = CooldownPolicy()


def runs_of(*attempts: tuple[int, int]) -> Runs:
    runs: Runs = []
    for at_ms, n in attempts:
        add(runs, at_ms, n)
    return runs


def test_attempts_of_one_kind_in_one_tenth_of_a_second_are_one_run() -> None:
    assert runs_of((100, 1), (150, 2), (199, 1)) == [(199, 4)]


def test_a_failure_between_successes_keeps_its_place() -> None:
    assert runs_of((100, 1), (110, -1), (120, 1)) == [(100, 1), (110, -1), (120, 1)]


def test_the_next_tenth_is_a_new_run() -> None:
    assert runs_of((199, -1), (200, -1)) == [(199, -1), (200, -1)]


def test_what_comes_late_joins_at_its_own_time() -> None:
    assert runs_of((1_000, 3), (3_000, 3), (2_000, -1)) == [(1_000, 3), (2_000, -1), (3_000, 3)]


def test_attempts_older_than_the_window_do_not_count() -> None:
    assert recent(runs_of((0, -1), (60_001, -1)), POLICY) == [(60_001, -1)]
    assert recent(runs_of((0, -1), (60_000, -1)), POLICY) == [(0, -1), (60_000, -1)]


def test_all_of_the_last_three_seconds_count_however_many() -> None:
    runs = runs_of((0, 500), (1_000, 500), (3_000, -1))
    assert recent(runs, POLICY) == runs


def test_older_ones_count_only_up_to_the_last_twenty() -> None:
    assert recent(runs_of((0, 5), (1_000, 50), (9_000, -4)), POLICY) == [(1_000, 16), (9_000, -4)]
    assert recent(runs_of((0, 5), (1_000, -50), (9_000, -4)), POLICY) == [(1_000, -16), (9_000, -4)]


def test_strikes_are_the_failures_that_count() -> None:
    assert strikes(runs_of((0, -3), (61_000, -1), (61_200, 2), (61_400, -1)), POLICY) == 2


def test_an_empty_list_has_nothing_to_count() -> None:
    assert recent([], POLICY) == []
    assert strikes([], POLICY) == 0


def test_only_the_last_positions_within_the_window_are_evidence() -> None:
    evidence = Evidence()
    for n in range(MARKS_KEPT + 2):
        add(evidence.runs, 1_000 * n, -1)
        mark(evidence, 1_000 * n, n)
    assert marked(evidence, POLICY) == list(range(2, MARKS_KEPT + 2))
    add(evidence.runs, 64_500, -1)
    mark(evidence, 64_500, 99)
    assert marked(evidence, POLICY) == [5, 6, 7, 8, 9, 99]


def test_evidence_without_attempts_still_knows_its_marks() -> None:
    evidence = Evidence()
    mark(evidence, 5, 1)
    assert marked(evidence, POLICY) == [1]


def test_clearing_forgets_everything() -> None:
    evidence = Evidence(runs=[(1, -1)], marks=[(1, 1)], tripped_ms=1)
    evidence.clear()
    assert evidence == Evidence()


_attempts = st.lists(
    st.tuples(st.integers(0, 90_000), st.sampled_from((-3, -1, 1, 2, 30))), min_size=1, max_size=40
)


@given(_attempts)
def test_a_pruned_list_reads_like_the_whole(attempts: list[tuple[int, int]]) -> None:
    runs = runs_of(*attempts)
    whole = recent(runs, POLICY)
    prune(runs, POLICY)
    assert recent(runs, POLICY) == whole


@given(_attempts)
def test_nothing_is_lost_and_times_stay_in_order(attempts: list[tuple[int, int]]) -> None:
    runs = runs_of(*attempts)
    assert sum(abs(n) for _, n in runs) == sum(abs(n) for _, n in attempts)
    assert sum(n for _, n in runs) == sum(n for _, n in attempts)
    assert [at_ms for at_ms, _ in runs] == sorted(at_ms for at_ms, _ in runs)
