"""The control plane's metrics in the Prometheus text format, from one small registry.

Rule: counters are plain dictionary entries, gauges are asked for when somebody scrapes; labels come from
closed sets (route templates, status codes), never from what a client sends. Dropped: a client library's
global registry, which makes two applications in one process count into each other.
"""

from collections.abc import Callable, Mapping
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Sample = Callable[[], Mapping[Labels, float]]


class Metrics:
    """What one application counts, and what it can ask for."""

    def __init__(self) -> None:
        self._helps: dict[str, str] = {}
        self._counters: dict[str, dict[Labels, float]] = {}
        self._gauges: dict[str, Sample] = {}

    def declare(self, name: str, text: str) -> None:
        """Name a counter and say what it counts."""
        self._helps[name] = text
        self._counters.setdefault(name, {})

    def gauge(self, name: str, text: str, sample: Sample) -> None:
        """Name a gauge and how to read it."""
        self._helps[name] = text
        self._gauges[name] = sample

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Count."""
        values = self._counters[name]
        key = tuple(sorted(labels.items()))
        values[key] = values.get(key, 0.0) + amount

    def text(self) -> str:
        """The exposition."""
        lines: list[str] = []
        for name, values in self._counters.items():
            lines += self._lines(name, "counter", values)
        for name, sample in self._gauges.items():
            lines += self._lines(name, "gauge", sample())
        return "\n".join(lines) + "\n"

    def _lines(self, name: str, kind: str, values: Mapping[Labels, float]) -> list[str]:
        head = [f"# HELP {name} {self._helps[name]}", f"# TYPE {name} {kind}"]
        return head + [
            f"{name}{_labels(labels)} {_number(value)}" for labels, value in sorted(values.items())
        ]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)
