"""How eligibility reads: one short phrase per reason code, and a candidate's reason as people say it.

Rule: each reason has a phrase (the table's test walks the enum), so that an error message, `explain`
and the dashboard say the same. Names of operators and their remarks are not for clients and stand
elsewhere. Dropped: phrases beside each use, which had drifted apart within a week.
"""

from collections.abc import Mapping
from typing import Final

from interlock_domain.routing.decision import Candidate
from interlock_domain.words import Reason

PHRASES: Final[Mapping[Reason, str]] = {
    Reason.COOLDOWN_HEURISTIC: "cooldown",
    Reason.COOLDOWN_STATED: "cooldown stated by upstream",
    Reason.COOLDOWN_OPERATOR: "cooldown set by an operator",
    Reason.HALF_OPEN: "waits for its probe",
    Reason.RAMPING: "returning step by step",
    Reason.LOCAL_BREAKER: "failing at this gateway",
    Reason.TARGET_OUT: "not found or not permitted upstream",
    Reason.PROBE: "probe",
    Reason.CAP_HELD: "kept in by the exclusion cap",
    Reason.TARGET_DISABLED: "disabled",
    Reason.TARGET_DRAINED: "drained",
    Reason.PROVIDER_DISABLED: "provider disabled",
    Reason.PROVIDER_DRAINED: "provider drained",
    Reason.POOL_DISABLED: "pool disabled",
    Reason.POOL_DRAINED: "pool drained",
    Reason.MEMBER_DISABLED: "disabled in this pool",
    Reason.MEMBER_DRAINED: "drained in this pool",
    Reason.QUARANTINED: "credential refused upstream",
    Reason.API_UNSUPPORTED: "does not speak this API",
    Reason.CAPABILITY_MISSING: "lacks a capability",
    Reason.CONTEXT_WINDOW: "context window too small",
    Reason.VERSION_FLOOR: "software version below the pool's floor",
    Reason.TEMPLATE_FAILED: "chat template failed its self-check",
}


def reason_text(candidate: Candidate, as_of_ms: int) -> str:
    """The first reason in words with what time it needs, for example `cooldown 12 s more`; "" when clean."""
    if not candidate.reasons:
        return ""
    phrase = PHRASES[candidate.reasons[0]]
    left = seconds_left(candidate, as_of_ms)
    return phrase if left is None else f"{phrase} {left} s more"


def seconds_left(candidate: Candidate, as_of_ms: int) -> int | None:
    """Whole seconds, rounded up, until the candidate may be back; None: nobody knows, or it is not out."""
    if candidate.until_ms is None:
        return None
    return max(0, -((as_of_ms - candidate.until_ms) // 1_000))
