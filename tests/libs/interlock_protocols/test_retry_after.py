"""A stated wait is read as the client libraries read it."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.retry_after import MAX_MS, retry_after_ms

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
