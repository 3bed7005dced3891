"""Runs of distinct refused requests."""

from interlock_domain.health.runs import Refusal, is_long_enough, joined


def run_of(*requests: str, step_ms: int = 100) -> list[Refusal]:
    run: list[Refusal] = []
    for n, request in enumerate(requests):
        run = joined(run, Refusal(request, n * step_ms, n), 60_000)
    return run


def test_one_request_that_is_refused_again_and_again_is_one() -> None:
    assert [r.request for r in run_of("a", "a", "b", "a")] == ["a", "b"]


def test_refusals_older_than_the_window_leave_the_run() -> None:
    assert [r.request for r in run_of("a", "b", "c", step_ms=30_001)] == ["b", "c"]
    assert [r.request for r in run_of("a", "b", "c", step_ms=30_000)] == ["a", "b", "c"]


def test_four_distinct_requests_are_needed_while_others_succeed() -> None:
    assert not is_long_enough(run_of("a", "b", "c"), 5_000, 14_999)
    assert is_long_enough(run_of("a", "b", "c", "d"), 5_000, 14_999)


def test_two_are_enough_after_ten_seconds_without_a_success() -> None:
    assert not is_long_enough(run_of("a"), 5_000, 15_000)
    assert is_long_enough(run_of("a", "b"), 5_000, 15_000)
    assert is_long_enough(run_of("a", "b"), None, 15_000)
