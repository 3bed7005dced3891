"""Origins: parsed once, compared as tuples."""

import pytest

from interlock_upstream import InvalidValue, Origin


@pytest.mark.parametrize(
    ("url", "origin", "path", "authority", "target"),
    [
        ("http://h", ("http", "h", 80), b"", b"h", b"h:80"),
        ("https://Api.Example/", ("https", "api.example", 443), b"", b"api.example", b"api.example:443"),
        ("https://h:8443/v1/", ("https", "h", 8443), b"/v1", b"h:8443", b"h:8443"),
        ("http://h:443/a/b", ("http", "h", 443), b"/a/b", b"h:443", b"h:443"),
        ("http://[::1]:9/", ("http", "::1", 9), b"", b"[::1]:9", b"[::1]:9"),
        ("http://[::1]", ("http", "::1", 80), b"", b"[::1]", b"[::1]:80"),
        (
            "https://bücher.example",
            ("https", "xn--bcher-kva.example", 443),
            b"",
            b"xn--bcher-kva.example",
            None,
        ),
    ],
)
def test_parsing(
    url: str, origin: tuple[str, str, int], path: bytes, authority: bytes, target: bytes | None
) -> None:
    parsed, base = Origin.parse(url)
    assert (parsed, base, parsed.authority) == (origin, path, authority)
    assert target is None or parsed.host_and_port == target


@pytest.mark.parametrize(
    "url",
    [
        "", "h", "//h", "ftp://h", "http://", "http:///x", "http://h:0", "http://h:x", "http://h:99999", "http://u@h",
        "http://u:p@h", "http://h/?q=1", "http://h/#f", "http://h/a b", "http://h/ü", "http://[::1", "http://h/\x7f",
    ],
)  # fmt: skip
def test_what_is_no_origin(url: str) -> None:
    with pytest.raises(InvalidValue):
        Origin.parse(url)
