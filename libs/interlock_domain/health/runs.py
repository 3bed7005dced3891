"""The run rule of refusals that concern a whole target or credential: not found, permission, auth, billing.

Rule: four distinct requests in a row were refused and none succeeded between them, all within `window`; two
are enough when nothing succeeded in the last ten seconds. Distinct, because one caller who repeats one bad
request must not take a target or a credential from everybody. Dropped: the trip rule's rate, because such
refusals are certain and their successes come from other models of the same credential.
"""

from typing import Final

from msgspec import Struct

NEEDED: Final = 4
NEEDED_IN_SILENCE: Final = 2
SILENCE_MS: Final = 10_000
"""Without a success that long, two refusals are as good as four: there is nothing that contradicts them."""


class Refusal(Struct, frozen=True):
    """One refused request: its id, its time and where the log holds it."""

    request: str
    at_ms: int
    position: int


def joined(run: list[Refusal], refusal: Refusal, window_ms: int) -> list[Refusal]:
    """The run with this refusal: one entry per request, none older than the window."""
    kept = [r for r in run if refusal.at_ms - r.at_ms <= window_ms]
    if all(r.request != refusal.request for r in kept):
        kept.append(refusal)
    return kept


def is_long_enough(run: list[Refusal], ok_ms: int | None, now_ms: int) -> bool:
    """Is it certain? `ok_ms`: the last success; None: there was none."""
    silent = ok_ms is None or now_ms - ok_ms >= SILENCE_MS
    return len(run) >= (NEEDED_IN_SILENCE if silent else NEEDED)
