"""Counts of the data plane: plain integers on the path, read by the metrics page.

Labels are closed or bounded sets: pools and targets of the catalog, results, failure classes. A
request id, a key or an undeclared model is never a label.
"""

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from interlock_domain.words import FailureClass, Result


class Counters:
    """Incremented on the request path, collected by `collect`."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.failovers: Counter[str] = Counter()

    def finished(self, pool: str, result: Result) -> None:
        """A request ended."""
        self.requests[(pool, result)] += 1

    def attempt_failed(self, target: str, failure: FailureClass) -> None:
        """An attempt failed."""
        self.failures[(target, failure)] += 1

    def failed_over(self, pool: str) -> None:
        """A request moved on to another target."""
        self.failovers[pool] += 1


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
    found: list[Metric] = [requests, failures, failovers]
    for name, text, value in gauges:
        found.append(GaugeMetricFamily(name, text, value=value))
    return found
