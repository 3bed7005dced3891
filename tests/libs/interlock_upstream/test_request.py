"""Heads: what is written, and what must never be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_upstream import InvalidValue, build_fixed_headers, build_head


def test_a_head() -> None:
    fixed = build_fixed_headers([(b"Authorization", b"Bearer key"), (b"Accept", b"*/*")])
    assert build_head(b"POST", b"/v1/chat?x=1", b"api.example", fixed, [(b"x-id", b"7")], 12) == (
        b"POST /v1/chat?x=1 HTTP/1.1\r\nhost: api.example\r\nAuthorization: Bearer key\r\nAccept: */*\r\n"
        b"x-id: 7\r\ncontent-length: 12\r\n\r\n"
    )
    assert build_head(b"GET", b"/", b"h") == b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
    assert (
        build_head(b"GET", b"/", b"h", extra=iter([(b"a", b"")]))
        == b"GET / HTTP/1.1\r\nhost: h\r\na: \r\n\r\n"
    )


@pytest.mark.parametrize("value", [b"a\r\nX: y", b"a\nb", b"a\rb", b"a\0b", b"\r\n"])
def test_a_value_cannot_end_its_line(value: bytes) -> None:
    with pytest.raises(InvalidValue):
        build_head(b"GET", b"/", b"h", b"", [(b"x", value)])


@pytest.mark.parametrize(
    "name", [b"", b"a b", b"a:", b"a\r\n", b"\xff", b"Host", b"content-length", b"Transfer-Encoding", b"(x)"]
)
def test_a_name_that_is_no_token_or_frames_the_message(name: bytes) -> None:
    with pytest.raises(InvalidValue):
        build_fixed_headers([(name, b"x")])


@pytest.mark.parametrize("target", [b"", b"/a b", b"/a\r\nX: y", b"/\0", b"/\x7f", b"/ HTTP/1.1\r\n\r\n"])
def test_a_target_cannot_end_the_request_line(target: bytes) -> None:
    with pytest.raises(InvalidValue):
        build_head(b"GET", target, b"h")


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=12)), max_size=4))
def test_whatever_comes_in_the_head_ends_once_and_at_its_end(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        head = build_head(b"GET", b"/", b"h", b"", headers, 0)
    except InvalidValue:
        return
    assert head.index(b"\r\n\r\n") == len(head) - 4
    assert head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n") == len(headers) + 4
