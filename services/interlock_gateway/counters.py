"""Counts of the data plane: plain integers on the path, read by the metrics page.

Labels are closed or bounded sets: pools and targets of the catalog, results, failure classes. A
request id, a key or an undeclared model is never a label.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from interlock_domain.words import FailureClass, Result, Unhedged


class Counters:
    """Incremented on the request path, collected by `collect`."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.failovers: Counter[str] = Counter()
        self.resumes: Counter[tuple[str, str]] = Counter()
        self.hedges: Counter[str] = Counter()
        self.hedges_won: Counter[str] = Counter()
        self.unhedged: Counter[tuple[str, str]] = Counter()

    def finished(self, pool: str, result: Result) -> None:
        """A request ended."""
        self.requests[(pool, result)] += 1

    def attempt_failed(self, target: str, failure: FailureClass) -> None:
        """An attempt failed."""
        self.failures[(target, failure)] += 1

    def failed_over(self, pool: str) -> None:
        """A request moved on to another target."""
        self.failovers[pool] += 1

    def resumed(self, pool: str, *, whole: bool) -> None:
        """A stream broke where another answer may continue it; `whole`: the client got one that did."""
        self.resumes[(pool, "continued" if whole else "broken")] += 1

    def hedged(self, pool: str) -> None:
        """A second target races a slow stream."""
        self.hedges[pool] += 1

    def hedge_won(self, pool: str) -> None:
        """The second target had content first."""
        self.hedges_won[pool] += 1

    def not_hedged(self, pool: str, why: Unhedged) -> None:
        """A stream of a pool that hedges was not raced."""
        self.unhedged[(pool, why)] += 1


def families(counters: Counters, gauges: Iterable[tuple[str, str, float]]) -> list[Metric]:
    """The counters and (name, help, value) gauges as Prometheus families."""
    requests = CounterMetricFamily(
        "interlock_requests", "Requests by pool and how they ended.", labels=("pool", "result")
    )
    for pool_result, count in counters.requests.items():
        requests.add_metric(pool_result, count)
    failures = CounterMetricFamily(
        "interlock_attempt_failures", "Failed attempts by target and class.", labels=("target", "error_class")
    )
    for target_class, count in counters.failures.items():
        failures.add_metric(target_class, count)
    failovers = CounterMetricFamily(
        "interlock_failovers", "Requests that moved on to another target.", labels=("pool",)
    )
    for pool, count in counters.failovers.items():
        failovers.add_metric((pool,), count)
    resumes = CounterMetricFamily(
        "interlock_resumes",
        "Broken streams of pools that resume, by whether another answer continued them.",
        labels=("pool", "result"),
    )
    for pool_result, count in counters.resumes.items():
        resumes.add_metric(pool_result, count)
    found: list[Metric] = [requests, failures, failovers, resumes, *_hedges(counters)]
    for name, text, value in gauges:
        found.append(GaugeMetricFamily(name, text, value=value))
    return found


def _hedges(counters: Counters) -> Iterator[Metric]:
    """How often a second target raced for the first content, won, or was not let go."""
    for name, text, counts in (
        ("interlock_hedges", "Streams that a second target raced for the first content.", counters.hedges),
        ("interlock_hedges_won", "Hedges that had content first.", counters.hedges_won),
    ):
        family = CounterMetricFamily(name, text, labels=("pool",))
        for pool, count in counts.items():
            family.add_metric((pool,), count)
        yield family
    family = CounterMetricFamily(
        "interlock_hedges_suppressed",
        "Streams of pools that hedge that were not raced, by reason.",
        labels=("pool", "reason"),
    )
    for pool_reason, count in counters.unhedged.items():
        family.add_metric(pool_reason, count)
    yield family
