"""What all scanners do alike: they stop what would fill the memory, at any place of a stream."""

import pytest

from interlock_domain.words import FailureClass
from interlock_protocols.streams.scanner import MAX_EVENT
from interlock_protocols.streams.verdict import Verdict
from tests.drills.rig.fuzz_bounds import CONTENT, MIB, PIECE, bounds
from tests.reference.differential import SIDES


@pytest.mark.parametrize("api", SIDES)
@pytest.mark.parametrize("after_content", [False, True])
def test_an_event_without_end_fails_instead_of_filling_the_memory(api, after_content) -> None:
    scanner = SIDES[api].scanner()
    if after_content:
        assert scanner.feed(CONTENT[api]) is Verdict.COMMIT
    piece = b'data: {"a":"' + b"x" * MIB
    verdicts = [scanner.feed(piece) for _ in range(MAX_EVENT // len(piece) + 2)]
    assert verdicts[-1] is Verdict.MALFORMED
    assert scanner.out == b""
    assert scanner.error is not None
    assert scanner.error.failure is FailureClass.MALFORMED


@pytest.mark.parametrize("api", SIDES)
def test_an_event_that_is_just_short_enough_passes(api) -> None:
    scanner = SIDES[api].scanner()
    scanner.feed(CONTENT[api])
    lead, _, tail = CONTENT[api].rpartition(b'"x"')
    event = lead[lead.rfind(b"\n\n") + 2 :] if b"\n\n" in lead else lead
    large = event + b'"' + b"x" * (MAX_EVENT - 1000) + b'"' + tail
    out = b""
    for at in range(0, len(large), PIECE):
        assert scanner.feed(large[at : at + PIECE]) is Verdict.PASS
        out += scanner.out
    assert out == large


def test_what_never_ends_is_held_within_its_bound() -> None:
    held = list(bounds(fed=MIB // 16))
    assert len(held) > 40
    assert not [one for one in held if not one.within]
