"""What a place in time may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_control.place import Count, Position, parse_position, parse_version
from interlock_control.positions import parse_moment

NOW = 1_795_255_200_000


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("0", Position(number=0)),
        ("1042", Position(number=1042)),
        ("j1042", Position(number=1042, count=Count.JOURNAL)),
        ("g1:1042", Position(number=1042, generation=1)),
    ],
)
def test_a_position_may_be_written_as_it_is_shown_anywhere(text, position):
    assert parse_position(text) == position


@pytest.mark.parametrize("text", ["", "-1", "j", "k1", "1.5", "g:1", "jg1:5", "9" * 19])
def test_other_texts_are_no_position(text):
    assert parse_position(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("-15m", NOW - 900_000),
        ("-1.5h", NOW - 5_400_000),
        ("-250ms", NOW - 250),
        ("-2d", NOW - 172_800_000),
        ("2026-11-21T10:00:00Z", NOW),
        ("2026-11-21T10:00:00", NOW),
        ("2026-11-21T12:00:00+02:00", NOW),
        ("2026-11-21T12:00:00 02:00", NOW),
        ("2026-11-21 10:00:00", NOW),
    ],
)
def test_a_moment_is_a_distance_from_now_or_a_date(text, moment):
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "15m", "-15", "-15x", "yesterday", "2026-13-01T00:00:00Z"])
def test_other_texts_are_no_moment(text):
    assert parse_moment(text, NOW) is None


@given(st.text())
def test_any_text_is_a_place_or_none(text):
    parse_moment(text, NOW)
    parse_position(text)
    parse_version(text)


def test_a_version_is_a_generation_and_a_position():
    assert parse_version("g2:17") == (2, 17)
    assert parse_version("17") is None
