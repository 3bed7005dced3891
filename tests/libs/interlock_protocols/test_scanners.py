"""Generated streams mean the same to a scanner and to its slow reference: drill `scanners`, some of it.

A difference is seen again with `python -m tests.drills.scanners --show API:NUMBER`.
"""

import pytest

from interlock_protocols.chat.scanner import ChatScanner
from interlock_protocols.messages.scanner import MessagesScanner
from interlock_protocols.responses.scanner import ResponsesScanner
from tests.reference.differential import SIDES, compared, drawn
from tests.reference.faults import FAULTS

STREAMS = 2_000


@pytest.mark.parametrize("api", SIDES)
def test_scanner_and_reference_agree(api) -> None:
    met: set[str] = set()
    worths: set[str] = set()
    for number in range(STREAMS):
        stream = drawn(api, number)
        found = compared(api, stream)
        assert not found.differences, f"{api}:{number}: {found.differences}"
        met |= stream.kinds
        worths.add(found.worth)
    assert met >= set(FAULTS)
    assert worths >= {"complete", "truncated", "error", "malformed"}


def test_one_number_is_one_stream() -> None:
    for api in SIDES:
        assert drawn(api, 7) == drawn(api, 7) != drawn(api, 8)


class Hasty(ChatScanner):
    """Looks at nothing once content has gone out."""

    __slots__ = ()

    def _is_quiet(self, whole: bytes) -> bool:
        return True


class Careless(MessagesScanner):
    """Takes every error for another event."""

    __slots__ = ()

    def _stopped(self, error):
        return self._broken("an error")


class Eager(ResponsesScanner):
    """Holds nothing."""

    __slots__ = ()

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=0, hold_bytes=0)


@pytest.mark.parametrize(("api", "scanner"), [("chat", Hasty), ("messages", Careless), ("responses", Eager)])
def test_a_scanner_that_is_wrong_is_found_out(api, scanner) -> None:
    assert any(compared(api, drawn(api, number), scanner()).differences for number in range(500))
