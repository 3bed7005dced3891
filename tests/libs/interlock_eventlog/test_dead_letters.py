"""Why a record was passed over: every reason of the codec is one of ours, by the same word."""

import pytest

from interlock_eventlog.codec import UndecodableReason
from interlock_eventlog.dead_letters import DeadLetterReason, reason_of


@pytest.mark.parametrize("reason", UndecodableReason)
def test_a_reason_of_the_codec_keeps_its_word(reason: UndecodableReason) -> None:
    assert reason_of(reason) is DeadLetterReason(reason.value)
    assert reason_of(reason).name == reason.name
