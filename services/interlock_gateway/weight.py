"""What a request record weighs while it waits: an estimate in bytes that costs no encoding.

Rule: never below the record's JSON, so that a bound over estimates bounds the real bytes; the test measures
it over real records. Dropped: encoding at once to know exactly; it costs ten times the request's other
accounting, on the path, for a number that matters during an outage only.
"""

from typing import Final

from interlock_domain.attempt.record import RequestRecord

EMPTY: Final = 1_024
"""A record without attempts and candidates: ids, inputs, numbers and their names."""
ATTEMPT: Final = 320
CANDIDATE: Final = 288
NAME: Final = 64
"""Each further name in a list: a skip, an open breaker, a probe, a fingerprint, a header."""


def weight(record: RequestRecord) -> int:
    """Bytes that the record will take on the wire, or more."""
    inputs, decision = record.inputs, record.decision
    total = EMPTY + 4 * len(inputs.model)
    for attempt in record.attempts:
        total += ATTEMPT + NAME * len(attempt.headers)
    if decision is not None:
        total += CANDIDATE * len(decision.candidates)
    if record.skips or inputs.local or inputs.probed or inputs.fingerprints:
        total += (
            2 * NAME * (len(record.skips) + len(inputs.local) + len(inputs.probed) + len(inputs.fingerprints))
        )
    return total
