"""Errors of our own are what the openai client builds its exceptions from."""

import json

import pytest

from interlock_protocols.errors import OwnError, error_body, error_type, in_band_error


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "service_unavailable_error"),
        (504, "timeout_error"),
    ],
)
def test_each_status_has_a_type(status, expected):
    assert error_type(status) == expected


def test_a_body_has_all_four_fields():
    assert json.loads(error_body(OwnError(502, "exhausted", 'no "luck" é'))) == {
        "error": {"message": 'no "luck" é', "type": "server_error", "param": None, "code": "exhausted"}
    }
    body = json.loads(error_body(OwnError(400, "c", "m", "p", type="t")))
    assert body == {"error": {"message": "m", "type": "t", "param": "p", "code": "c"}}


def test_an_in_band_error_is_one_data_event_whatever_the_message():
    event = in_band_error(OwnError(502, "truncated", "line\r\none\n\ndata: [DONE]"))
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 2
    assert b"\r" not in event
    assert json.loads(event[6:])["error"]["code"] == "truncated"
