"""How to call a target: everything of an upstream request that does not change between requests.

Origin, path, credential and extra headers are joined into bytes once for each target and definition;
a request only adds the client's own headers and the length. Client credentials never go upstream:
they are in the list of headers that are not passed on, together with the hop-by-hop ones.
"""

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlencode

from interlock_domain.catalog.provider import Provider, SecretRef
from interlock_domain.snapshot.snapshot import CompiledTarget
from interlock_upstream.origin import Origin
from interlock_upstream.request import UpstreamRequest, build_fixed_headers, build_head

Headers = Iterable[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection")
)
NOT_PASSED_ON: Final = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"accept-encoding",  # identity is asked: a compressed stream could not be scanned as it passes
    b"proxy-authorization",
    b"authorization",
    b"x-api-key",
    b"api-key",
    b"cookie",
}


CALLS_KEPT: Final = 8_192
"""Above any catalog; undeclared names, which clients invent, push one another out."""


class TargetCall:
    """The fixed part of calls of one target on one path."""

    __slots__ = ("_dropped", "_fixed", "_host", "_path", "_pool_key", "_start", "model", "origin", "provider")

    def __init__(self, target: CompiledTarget, path: bytes, secret: str | None, literals: Headers) -> None:
        provider = target.provider
        self.provider: Provider = provider
        self.model: str = target.upstream_model
        self.origin, base = Origin.parse(provider.base_url)
        self._host = self.origin.authority
        self._path = base + path
        if provider.query:
            self._path += b"?" + urlencode(provider.query).encode()
        own = [(b"accept-encoding", b"identity"), *literals]
        if secret is not None:
            own.append((provider.auth.header.lower().encode(), (provider.auth.prefix + secret).encode()))
        self._fixed = build_fixed_headers(own)
        self._dropped = NOT_PASSED_ON | {name for name, _ in own}
        self._pool_key = target.id
        # Everything up to the client's own headers, for the usual request without a query string.
        self._start = build_head(b"POST", self._path, self._host, self._fixed)[: -len(b"\r\n")]

    def request(self, headers: list[tuple[bytes, bytes]], query: bytes, body: bytes) -> UpstreamRequest:
        """One request with the client's own headers and query string. Raises InvalidValue."""
        dropped = self._dropped
        extra = build_fixed_headers([pair for pair in headers if pair[0] not in dropped])
        start = self._start if not query else self._start_with(query)
        head = b"%b%bcontent-length: %d\r\n\r\n" % (start, extra, len(body))
        return UpstreamRequest(self.origin, head, body, True, self._pool_key)

    def _start_with(self, query: bytes) -> bytes:
        path = self._path + (b"&" if b"?" in self._path else b"?") + query
        return build_head(b"POST", path, self._host, self._fixed)[: -len(b"\r\n")]


class CallBook:
    """TargetCalls by target and path, built on first use and again when the definition changed."""

    def __init__(self, secret_of: Callable[[SecretRef], str | None]) -> None:
        self._secret_of = secret_of
        self._calls: dict[tuple[str, bytes], tuple[CompiledTarget, TargetCall | None]] = {}

    def of(self, target: CompiledTarget, path: bytes) -> TargetCall | None:
        """The call of a target; None when its credential or a header's secret cannot be found."""
        key = (target.id, path)
        known = self._calls.get(key)
        if known is not None and (known[0] is target or _same_definition(known[0], target)):
            return known[1]
        call = self._build(target, path)
        if len(self._calls) >= CALLS_KEPT:
            del self._calls[next(iter(self._calls))]
        self._calls[key] = (target, call)
        return call

    def _build(self, target: CompiledTarget, path: bytes) -> TargetCall | None:
        provider = target.provider
        secret = self._secret_of(provider.api_key) if provider.api_key else None
        if provider.api_key is not None and secret is None:
            return None
        literals: list[tuple[bytes, bytes]] = []
        for name, value in provider.headers.items():
            text = value.literal if value.ref is None else self._secret_of(value.ref)
            if text is None:
                return None
            literals.append((name.lower().encode(), text.encode()))
        return TargetCall(target, path, secret, literals)


def _same_definition(held: CompiledTarget, new: CompiledTarget) -> bool:
    return held.provider == new.provider and held.upstream_model == new.upstream_model


def client_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers without those that `Connection` names as hop-by-hop; the usual case is no copy."""
    for name, value in headers:
        if name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            named = {token.strip().lower() for token in value.split(b",")}
            return [pair for pair in headers if pair[0] not in named]
    return headers
