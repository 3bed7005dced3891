"""Errors of our own are what clients of the Anthropic API branch on."""

import json

import pytest

from interlock_protocols.errors import OwnError
from interlock_protocols.messages.errors import error_body, error_type, in_band_error


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (408, "timeout_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_each_status_has_a_type(status, expected):
    assert error_type(status) == expected


def test_a_body_has_type_error_and_request_id():
    error = OwnError(502, "exhausted", 'no "luck" é', request_id="req_1")
    assert json.loads(error_body(error)) == {
        "type": "error",
        "error": {"type": "api_error", "message": 'no "luck" é', "details": {"error_code": "exhausted"}},
        "request_id": "req_1",
    }
    assert json.loads(error_body(OwnError(400, "c", "m")))["request_id"] is None


def test_a_type_of_the_openai_apis_is_not_passed_on():
    refused = OwnError(401, "invalid_api_key", "m", type="invalid_request_error")
    assert json.loads(error_body(refused))["error"]["type"] == "authentication_error"


def test_an_in_band_error_is_one_named_event_whatever_the_message():
    event = in_band_error(OwnError(504, "stall", "line\r\none\n\nevent: message_stop"))
    assert event.startswith(b"event: error\ndata: {")
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 3
    assert b"\r" not in event
    assert json.loads(event.split(b"data: ", 1)[1])["error"]["type"] == "timeout_error"
