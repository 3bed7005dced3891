"""A stated wait is read as the client libraries read it."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.failures.retry_after import (
    MAX_MS,
    duration_ms,
    hinted_ms,
    retry_after_ms,
    seconds_ms,
)

NOW = 1_750_000_000.0


def date(at: float) -> bytes:
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True).encode()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({b"retry-after": b"3"}, 3000),
        ({b"retry-after": b" 3 "}, 3000),
        ({b"retry-after": b"0.25"}, 250),
        ({b"retry-after": b"0.0001"}, 1),
        ({b"retry-after-ms": b"1500"}, 1500),
        ({b"retry-after-ms": b"1500", b"retry-after": b"3"}, 1500),
        ({b"retry-after-ms": b"soon", b"retry-after": b"3"}, 3000),
        ({b"retry-after-ms": b"0", b"retry-after": b"3"}, 3000),
        ({b"retry-after": b"0"}, None),
        ({b"retry-after": b"-5"}, None),
        ({b"retry-after": b"nan"}, None),
        ({b"retry-after": b"infinity"}, None),
        ({b"retry-after": b"1_000"}, None),
        ({b"retry-after": b""}, None),
        ({b"retry-after": b"\xff"}, None),
        ({b"retry-after": b"99999999999"}, MAX_MS),
        ({b"retry-after": date(NOW + 7)}, 7000),
        ({b"retry-after": date(NOW - 7)}, None),
        ({b"retry-after": date(NOW)}, None),
        ({b"retry-after": b"Thu, 99 Foo 2025 25:61:61 GMT"}, None),
    ],
)
def test_a_wait_is_milliseconds_or_absent(headers, expected):
    assert retry_after_ms(headers.get, NOW) == expected


def test_a_date_is_measured_against_the_answers_own_date():
    headers = {b"retry-after": date(NOW + 1000), b"date": date(NOW + 990)}
    assert retry_after_ms(headers.get, NOW) == 10_000
    assert retry_after_ms(headers.get) == 10_000


def test_a_date_without_any_clock_says_nothing():
    assert retry_after_ms({b"retry-after": date(NOW + 10)}.get) is None


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_any_header_gives_a_bounded_wait_or_none(seconds, milliseconds, its_date):
    headers = {b"retry-after": seconds, b"retry-after-ms": milliseconds, b"date": its_date}
    wait = retry_after_ms(headers.get, NOW)
    assert wait is None or 1 <= wait <= MAX_MS


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("20s", 20_000),
        ("6ms", 6),
        ("0.290979975s", 291),
        ("1m30s", 90_000),
        ("7m12.5s", 432_500),
        ("156h14m36.752463453s", 562_476_752),
        ("2 seconds", 2_000),
        ("1 minute 30 secs", 90_000),
        ("3 Minutes", 180_000),
        ("1500 milliseconds", 1_500),
        ("1d", 86_400_000),
        ("9d", MAX_MS),
        ("0s", None),
        ("20", None),
        ("s", None),
        ("20 sheep", None),
        ("20s ago", None),
        ("-20s", None),
        (20, None),
        (None, None),
    ],
)
def test_a_duration_has_units(stated, expected):
    assert duration_ms(stated) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Limit 3. Please try again in 20s. Visit us.", 20_000),
        ("Please try again in 1m30.5s", 90_500),
        ("Please retry after 20 seconds.", 20_000),
        ("Please retry in 55.576865699s.", 55_577),
        ("Please wait 2 seconds before retrying.", 2_000),
        ("Try again in 6ms", 6),
        ("try again later, or retry in 5s", 5_000),
        ("Please try again in 20 requests", None),
        ("Please try again in 20", None),
        ("Please try again later.", None),
        ("Limit 20s. Please try again.", None),
        ("You may retry after 2026-11-01", None),
        ("", None),
    ],
)
def test_a_sentence_may_name_a_wait(message, expected):
    assert hinted_ms(message) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (9, 9_000),
        (1.5, 1_500),
        (0, None),
        (-1, None),
        (True, None),
        ("9", None),
        (None, None),
        (1e300, MAX_MS),
    ],
)
def test_a_number_of_seconds_is_a_wait(stated, expected):
    assert seconds_ms(stated) == expected


@given(
    st.text(max_size=200) | st.from_regex(r"(try again in |retry after )(\d+(m|s|ms|h) ?)+", fullmatch=False)
)
def test_any_message_names_a_bounded_wait_or_none(message):
    wait = hinted_ms(message)
    assert wait is None or 1 <= wait <= MAX_MS


def test_a_long_message_is_searched_in_little_time():
    from time import perf_counter

    began = perf_counter()
    assert hinted_ms("try again in 1m1m1m1m" * 100_000) is None
    assert hinted_ms("retry " * 100_000) is None
    assert perf_counter() - began < 0.5
