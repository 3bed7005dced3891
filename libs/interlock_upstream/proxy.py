"""Which origins are reached through a forward proxy: the meaning of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

The rule kept: values come from the caller, who reads settings in one place; nothing here looks at the
environment. Lower-case names win over upper-case ones, as in curl. Proxies that themselves want TLS or SOCKS
are refused when the settings are read, not when the first request fails.
"""

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_to_bytes, urlsplit

from interlock_upstream.errors import InvalidValue
from interlock_upstream.origin import Origin


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """A forward proxy spoken to in clear HTTP/1.1."""

    host: str
    port: int
    authorization: bytes = b""
    """The value of Proxy-Authorization; empty for none."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `http://[user:password@]host[:port]` or `host:port`. Raises InvalidValue without repeating the
        URL."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port or 80
        except ValueError as error:
            raise InvalidValue("the proxy's port is not a number") from error
        if parts.scheme != "http" or not parts.hostname:
            raise InvalidValue(
                f"a proxy is http://host:port, not scheme {parts.scheme!r}, host {parts.hostname!r}"
            )
        authorization = b""
        if parts.username is not None:
            pair = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
            authorization = b"Basic " + b64encode(pair)
        return cls(parts.hostname, port, authorization)

    @property
    def credentials_line(self) -> bytes:
        """The Proxy-Authorization header line, or nothing."""
        return b"proxy-authorization: %b\r\n" % self.authorization if self.authorization else b""


@dataclass(frozen=True, slots=True)
class Proxies:
    """A proxy for each scheme and the entries that bypass both."""

    http: ProxyServer | None = None
    https: ProxyServer | None = None
    bypass: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> Self:
        """Read http_proxy, https_proxy, all_proxy and no_proxy, in either case. Raises InvalidValue."""

        def read(name: str) -> str:
            return values.get(name) or values.get(name.upper()) or ""

        def server(name: str) -> ProxyServer | None:
            url = read(name) or read("all_proxy")
            return ProxyServer.parse(url) if url else None

        entries = (entry.strip().lower() for entry in read("no_proxy").split(","))
        return cls(server("http_proxy"), server("https_proxy"), tuple(entry for entry in entries if entry))

    def for_origin(self, origin: Origin) -> ProxyServer | None:
        """The proxy to go through, or None to connect directly."""
        server = self.https if origin.scheme == "https" else self.http
        if server is None or any(_covers(entry, origin) for entry in self.bypass):
            return None
        return server


def _covers(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    network = _network(entry)
    if network is not None:
        address = _network(origin.host)
        return (
            address is not None and address.version == network.version and address.network_address in network
        )
    name, port = _split_port(entry)
    if port is not None and port != origin.port:
        return False
    suffix = name.removeprefix("*").lstrip(".")
    return origin.host == suffix or origin.host.endswith("." + suffix)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _split_port(entry: str) -> tuple[str, int | None]:
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdecimal():
        return name.strip("[]"), int(digits)
    return entry.strip("[]"), None
