"""Which origins go through which proxy."""

import pytest

from interlock_upstream import InvalidValue, Origin, Proxies, ProxyServer

VIA = {"http_proxy": "http://web:3128", "https_proxy": "http://secure:3129"}


def through(url: str, values: dict[str, str]) -> str | None:
    server = Proxies.from_mapping(values).for_origin(Origin.parse(url)[0])
    return server.host if server is not None else None


def test_each_scheme_has_its_proxy() -> None:
    assert through("http://a.example", VIA) == "web"
    assert through("https://a.example", VIA) == "secure"
    assert through("https://a.example", {"http_proxy": "http://web:3128"}) is None
    assert through("https://a.example", {}) is None
    assert through("https://a.example", {"HTTPS_PROXY": "http://upper"}) == "upper"
    assert (
        through("https://a.example", {"HTTPS_PROXY": "http://upper", "https_proxy": "http://lower"})
        == "lower"
    )
    assert through("http://a.example", {"ALL_PROXY": "all:1"}) == "all"


@pytest.mark.parametrize(
    ("entries", "url", "bypassed"),
    [
        ("*", "https://a.example", True),
        ("a.example", "https://a.example", True),
        ("a.example", "https://deep.a.example", True),
        (".a.example", "https://deep.a.example", True),
        (".a.example", "https://a.example", True),
        ("*.a.example", "https://deep.a.example", True),
        ("A.Example", "https://a.example", True),
        ("a.example", "https://nota.example", False),
        ("a.example", "https://a.example.org", False),
        ("b, a.example ,c", "https://a.example", True),
        ("a.example:443", "https://a.example", True),
        ("a.example:8443", "https://a.example", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3:99", True),
        ("10.1.2.3:99", "https://10.1.2.3:99", True),
        ("fd00::/8", "https://[fd00::1]", True),
        ("fd00::/8", "https://10.0.0.1", False),
        ("::1", "https://[::1]", True),
        ("[::1]:443", "https://[::1]", True),
        ("10.0.0.0/8", "https://ten.example", False),
        ("", "https://a.example", False),
        (" , ", "https://a.example", False),
    ],
)
def test_no_proxy(entries: str, url: str, bypassed: bool) -> None:
    assert (through(url, {**VIA, "no_proxy": entries}) is None) is bypassed


def test_a_proxy_with_credentials() -> None:
    server = ProxyServer.parse("http://user:p%40ss@proxy.example:8080")
    assert (server.host, server.port) == ("proxy.example", 8080)
    assert server.credentials_line == b"proxy-authorization: Basic dXNlcjpwQHNz\r\n"
    assert ProxyServer.parse("proxy.example").port == 80
    assert ProxyServer.parse("proxy.example").credentials_line == b""


@pytest.mark.parametrize(
    "url", ["https://secret:word@p", "socks5://p:1", "http://", "http://p:x", "http://p:99999"]
)
def test_what_cannot_be_a_proxy_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Proxies.from_mapping({"https_proxy": url})
    assert "word" not in str(refused.value)
