"""Any bytes are a request: what cannot be read is as if it were absent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api
from interlock_testing.voices.asked import read_asked


def read(body: bytes):
    return read_asked(3, Api.RESPONSES, "/v1/responses", {"a": "b"}, body)


def test_what_every_api_names_alike_is_read():
    body = b'{"model":"m","stream":true,"tools":[{}],"stream_options":{"include_usage":true}}'
    asked = read(body)
    assert (asked.n, asked.api, asked.path, asked.headers) == (3, Api.RESPONSES, "/v1/responses", {"a": "b"})
    assert (asked.model, asked.stream, asked.tools, asked.include_usage) == ("m", True, True, True)
    assert asked.fields["tools"] == [{}]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b"\xff", b"[" * 100_000, b'{"stream_options":5}', b'{"model":null}']
)
def test_what_cannot_be_read_is_absent(body):
    asked = read(body)
    assert (asked.stream, asked.tools, asked.include_usage) == (False, False, False)


@given(st.binary())
def test_any_bytes_are_a_request(body):
    assert read(body).body == body
