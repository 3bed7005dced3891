"""Saved fold state: complete, canonical, and never trusted blindly."""

import msgspec
import pytest

from interlock_domain.projection.checkpoint import decode_state, encode_state, fork, state_digest
from interlock_domain.projection.rows import take_changed_rows
from interlock_domain.projection.state import empty_state
from tests.libs.interlock_domain.projection.story import TARGET, Story, cooled


def test_a_state_survives_its_bytes() -> None:
    story = cooled()
    decoded = decode_state(encode_state(story.state))
    assert decoded == story.state
    assert state_digest(decoded) == state_digest(story.state)


def test_rows_that_wait_to_be_taken_survive_too() -> None:
    story = cooled()
    decoded = decode_state(encode_state(story.state))
    assert take_changed_rows(decoded) == take_changed_rows(story.state) != {}


def test_the_digest_does_not_depend_on_who_took_rows() -> None:
    story = cooled()
    before = state_digest(story.state)
    take_changed_rows(story.state)
    assert state_digest(story.state) == before


def test_the_digest_tells_states_apart() -> None:
    assert state_digest(empty_state()) != state_digest(Story().declares(TARGET).state)


def test_bytes_that_are_no_state_are_refused() -> None:
    for data in (b"", b"\xc1", encode_state(empty_state())[:-3], msgspec.msgpack.encode({"position": "x"})):
        with pytest.raises(msgspec.MsgspecError):
            decode_state(data)


def test_a_fork_shares_nothing_that_changes() -> None:
    story = cooled()
    copy = fork(story.state)
    copy.targets[TARGET].learned.clear()
    copy.catalog.targets.clear()
    assert story.learned() is not None
    assert story.state.catalog.targets
