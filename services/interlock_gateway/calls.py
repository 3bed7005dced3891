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
from interlock_gateway.asgi import HeaderPairs
from interlock_gateway.client_head import Forwarded
from interlock_gateway.hops import HOP_BY_HOP
from interlock_upstream.origin import Origin
from interlock_upstream.request import UpstreamRequest, build_fixed_headers, build_head

Headers = Iterable[tuple[bytes, bytes]]

CREDENTIALS: Final = frozenset(
    (b"proxy-authorization", b"authorization", b"x-api-key", b"api-key", b"cookie")
)
"""What a client shows to whom it calls, which is this gateway."""
NOT_PASSED_ON: Final = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"accept-encoding",  # identity is asked: a compressed stream could not be scanned as it passes
    *CREDENTIALS,
}


_MESSAGES: Final = b"/v1/messages"
VERSION: Final = b"anthropic-version"
STABLE_VERSION: Final = b"2023-06-01"
"""For clients that name none, although the Anthropic API asks for it: the one that still takes `temperature`;
later ones answer 400 to fields that older clients send."""
CALLS_KEPT: Final = 8_192
"""Above any catalog; undeclared names, which clients invent, push one another out."""


class TargetCall:
    """The fixed part of calls of one target on one path."""

    __slots__ = (
        "_dropped", "_fixed", "_host", "_own", "_path", "_pool_key", "_start", "_versioned", "_withheld",
        "model", "origin", "provider",
    )  # fmt: skip

    def __init__(self, target: CompiledTarget, path: bytes, secret: str | None, literals: Headers) -> None:
        provider = target.provider
        self.provider: Provider = provider
        self.model: str = target.upstream_model
        self.origin, base = Origin.parse(provider.base_url)
        self._host = self.origin.authority
        # A base URL of the OpenAI kind ends with the /v1 that the paths of the other kind begin with.
        self._path = (base.removesuffix(b"/v1") if path.startswith(b"/v1/") else base) + path
        if provider.query:
            self._path += b"?" + urlencode(provider.query).encode()
        own = [(b"accept-encoding", b"identity"), *literals]
        if secret is not None:
            own.append((provider.auth.header.lower().encode(), (provider.auth.prefix + secret).encode()))
        self._versioned = path.startswith(_MESSAGES)
        if self._versioned and provider.anthropic_version is not None:
            own.append((VERSION, provider.anthropic_version.encode()))
            self._versioned = False
        self._fixed = build_fixed_headers(own)
        names = frozenset(name for name, _ in own)
        self._dropped = NOT_PASSED_ON | names
        self._withheld = CREDENTIALS - names
        self._own = names
        # Undeclared models of a provider share connections: clients invent names without end.
        self._pool_key = target.id if target.target is not None else provider.name
        # Everything up to the client's own headers, for the usual request without a query string.
        self._start = build_head(b"POST", self._path, self._host, self._fixed)[: -len(b"\r\n")]

    def forwarded(self, headers: HeaderPairs) -> Forwarded:
        """A client's own headers as they go upstream, and what is changed about them. Raises InvalidValue.

        Changed is what was put in, replaced or left out, without what each hop has of its own (host, lengths)
        and without any value.
        """
        dropped = self._dropped
        passed = [pair for pair in headers if pair[0] not in dropped]
        if self._versioned and not any(name == VERSION for name, _ in passed):
            passed.append((VERSION, STABLE_VERSION))
        left_out = {name for name, _ in headers if name in self._withheld}
        changed = sorted(name.decode() for name in left_out | self._own)
        return Forwarded(build_fixed_headers(passed), tuple(changed))

    def request(self, lines: bytes, query: bytes, body: bytes) -> UpstreamRequest:
        """One request with the client's own header lines (`forwarded`) and query string."""
        start = self._start if not query else self._start_with(query)
        head = b"%b%bcontent-length: %d\r\n\r\n" % (start, lines, len(body))
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
        if known is not None and known[0] is target:
            return known[1]
        if known is not None and _same_definition(known[0], target):
            call = known[1]
        else:
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
