"""docs/fault-matrix.md: the outcome of every cell, as people read it.

Rule: a row is a fault and a kind of answer; what is the same for all client APIs stands there once, and an
API that differs is named. The same function prints what a drill saw and what the rules say, so the page in
the repository can be held against both.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.services.interlock_gateway.faults.cells import FAULTY, HEALTHY, Cell
from tests.services.interlock_gateway.faults.expected import Outcome, Tried

PAGE: Final = Path(__file__).parents[4] / "docs/fault-matrix.md"

HEAD: Final = """# Fault matrix

What a client sees when an upstream fails, for each way to fail: made by `make drills DRILLS=fault_matrix`,
which plays every cell through real sockets, and held against the rules (requirements D1 and C) by
`tests/services/interlock_gateway/faults` in `make test`. Nothing here is typed by hand.

The setting is that of the public failover benchmark: two retries, 30 s for every limit, one fallback that is
well. Each cell has a target of its own and is asked twice. `make test` plays the same cells with limits of a
second.

- **recorded**: failure class and phase of the failed attempt, as the request record and the fact in the log
  have them, and the HTTP status where an answer came.
- **attempts**: at the failing target + at the fallback. A failing target is asked again only where its class
  allows it, twice as the policy has it, and only by the first request to meet it: who comes to a target that
  has just failed goes on at once.
- **with the fallback**, **alone**: what the client reads. The fallback's answer is whole, and not a byte of
  it is the failed target's. A refusal has the code that stands here, in the form of its API, and
  `x-should-retry: false`. An error, then a cut, is a stream that failed after its first content: the in-band
  error that clients of the API raise on, then a connection that is broken off, never a clean end.
- **breaker**: what this worker remembers of the target after one request, and after two. Runs of 401, 402,
  403 and 404 are counted by the fold, from the facts; a worker remembers nothing of them.
- Paths that are never streamed (embeddings, count_tokens) stand in the first table only.

Every cell also keeps these: the upstream saw exactly the attempts that the record tells; every upstream
connection is closed or idle afterwards; no attempt outlives its limit; nothing that came behind a fault
reached the client.
"""

WORDS: Final = {
    "none": "none",
    "connect-refused": "connection refused",
    "connect-unanswered": "connection not answered",
    "tls-failure": "certificate that nobody trusts",
    "429": "429 without a stated wait",
    "429-seconds": "429, `retry-after: 8`",
    "429-fraction": "429, `retry-after: 7.5`",
    "429-milliseconds": "429, `retry-after-ms: 7500`",
    "429-date": "429, `retry-after` a date",
    "429-hint": "429, wait in the body's words only",
    "429-short": "429, `retry-after-ms: 20`",
    "302": "302",
    "400": "400",
    "401": "401",
    "402": "402",
    "403": "403",
    "404": "404 that names no model",
    "404-model": "404 that names the model",
    "408": "408",
    "500": "500",
    "502": "502",
    "503": "503",
    "503-seconds": "503, `retry-after: 8`",
    "504": "504",
    "529": "529",
    "reset-before-headers": "reset before headers",
    "reset-after-headers": "reset after headers",
    "reset-mid-chunk": "reset in the middle of a chunk",
    "stall-before-headers": "silence before headers",
    "stall-before-content": "silence after headers, before content",
    "stall-after-content": "silence after content",
    "slow-first-token": "first content after its limit",
    "clean-end-before-content": "clean end before content",
    "clean-end-early": "clean end in the middle",
    "no-sentinel": "last event missing",
    "malformed-json": "broken JSON",
    "malformed-json-later": "broken JSON after content",
    "invalid-utf8": "invalid UTF-8",
    "invalid-utf8-later": "invalid UTF-8 after content",
    "error-in-200": "200 with an error object",
    "error-event-before-content": "error event before content",
    "error-event-after-content": "error event after content",
    "whole-answer-to-a-stream": "whole answer to a stream",
    "html-200": "200 with a page",
    "empty-200": "200 with nothing",
    "garbage-100-mb": "200 with 100 MB of garbage",
    "endless-headers": "headers without end",
    "length-too-large": "content-length above the body",
    "length-too-small": "content-length below the body",
}

_COLUMNS: Final = ("fault", "recorded", "attempts", "with the fallback", "alone", "breaker")


def page(outcomes: Mapping[Cell, Outcome]) -> str:
    """The whole page."""
    parts = [HEAD]
    for title, stream in (("Whole answers", False), ("Streams", True)):
        parts += [f"## {title}\n", f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
        parts += [*_rows({cell: each for cell, each in outcomes.items() if cell.stream is stream}), ""]
    parts += ["## Types\n", "| what the client reads | OpenAI APIs | Anthropic APIs |", "|---|---|---|"]
    parts += [*_types(outcomes), ""]
    return "\n".join(parts)


def _rows(outcomes: Mapping[Cell, Outcome]) -> Iterator[str]:
    found = {cell.fault for cell in outcomes}
    for fault, words in WORDS.items():
        if fault not in found:
            continue
        backed = {c.surface.name: o for c, o in outcomes.items() if c.fault == fault and not c.alone}
        alone = {c.surface.name: o for c, o in outcomes.items() if c.fault == fault and c.alone}
        cells = (
            _merged({name: _recorded(each) for name, each in backed.items()}),
            _merged({name: _attempts(each) for name, each in backed.items()}),
            _merged({name: _read(each) for name, each in backed.items()}),
            _merged({name: _read(each) for name, each in alone.items()}),
            _merged({name: _memory(each) for name, each in backed.items()}),
        )
        yield f"| {words} | {' | '.join(cells)} |"


def _merged(texts: Mapping[str, str]) -> str:
    """What most APIs have, and behind it each other text with the APIs that have it."""
    by_text: dict[str, list[str]] = {}
    for name, text in texts.items():
        by_text.setdefault(text, []).append(name)
    usual = max(by_text, key=lambda text: len(by_text[text]))
    others = [f"{', '.join(names)}: {text}" for text, names in by_text.items() if text != usual]
    return "; ".join([usual, *others])


def _recorded(outcome: Outcome) -> str:
    found = next((tried.found for tried in outcome.attempts if tried.found), None)
    if found is None:
        return "-"
    words = [f"{found.failure.value}, {found.phase.value}"]
    words += [str(found.status)] if found.status is not None else []
    words += [f"stated {found.stated_ms} ms"] if found.stated_ms is not None else []
    return ", ".join(words)


def _attempts(outcome: Outcome) -> str:
    def at(provider: str) -> int:
        return sum(tried.provider == provider for tried in outcome.attempts)

    return f"{at(FAULTY)}" + (f" + {at(HEALTHY)}" if Tried(HEALTHY) in outcome.attempts else "")


def _read(outcome: Outcome) -> str:
    if outcome.answer is not None:
        return "its answer" if outcome.answer == FAULTY else "fallback's answer"
    kind, code = outcome.error or (None, None)
    if outcome.cut:
        return f"error `{code or kind}`, then a cut"
    if code is None:
        return f"the upstream's own {outcome.status}"
    wait = f", retry after {outcome.retry_after_s} s" if outcome.retry_after_s is not None else ""
    return f"{outcome.status} `{code}`{wait}"


def _types(outcomes: Mapping[Cell, Outcome]) -> Iterator[str]:
    """The `type` that stands beside each code."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for cell, outcome in outcomes.items():
        if outcome.error is not None and outcome.error[1] is not None:
            words = _read(outcome).partition(", retry")[0]
            found.setdefault(words, (set(), set()))[cell.surface.anthropic].add(f"`{outcome.error[0]}`")
    for words, types in sorted(found.items()):
        yield f"| {words} | {' | '.join(', '.join(sorted(each)) for each in types)} |"


def _memory(outcome: Outcome) -> str:
    learnt, later = outcome.learnt, outcome.later
    return learnt if learnt == later else f"{learnt}, then {later}"
