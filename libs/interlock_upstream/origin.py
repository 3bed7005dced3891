"""Where an upstream lives: scheme, host and port, the identity that connections are pooled under.

The rule kept: an origin is parsed once, when configuration is read, and is then a plain tuple: hashing it for
each request is the cost of a pool lookup. Credentials in a URL are refused, because a URL ends up in logs.
"""

from typing import Final, NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

from interlock_upstream.errors import InvalidValue

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A scheme (`http` or `https`), a lower-case host (IPv6 without brackets) and a port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> tuple[Self, bytes]:
        """Split a base URL into its origin and its path without the closing slash (`b""` for none).

        Raises InvalidValue when it is not http(s), has no host, or carries credentials, a query or a
        fragment.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            host = _ascii(parts.hostname or "")
            path = parts.path.encode("ascii")
        except ValueError as error:
            raise InvalidValue(f"not a URL: {error}") from error
        _refuse_extras(parts)
        if not host:
            raise InvalidValue("the URL names no host")
        if port == 0 or any(byte <= 0x20 or byte == 0x7F for byte in path):
            raise InvalidValue("the URL holds port 0, a space or a control character")
        return cls(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme]), path.rstrip(b"/")

    @property
    def authority(self) -> bytes:
        """The value of a Host header: the port only where it is not the scheme's own."""
        if self.port == _DEFAULT_PORTS.get(self.scheme):
            return self._bracketed
        return b"%b:%d" % (self._bracketed, self.port)

    @property
    def host_and_port(self) -> bytes:
        """The target of a CONNECT request: the port is always there."""
        return b"%b:%d" % (self._bracketed, self.port)

    @property
    def _bracketed(self) -> bytes:
        host = self.host.encode("ascii")
        return b"[" + host + b"]" if b":" in host else host


PoolKey = tuple[Origin, str]
"""What connections are shared and bounded under: an origin and the caller's own key, usually a target."""


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _refuse_extras(parts: SplitResult) -> None:
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidValue(f"the scheme must be http or https, not {parts.scheme!r}")
    if parts.username is not None or parts.password is not None:
        raise InvalidValue("credentials do not belong in a URL")
    if parts.query or parts.fragment:
        raise InvalidValue("a base URL has no query and no fragment")
