"""The data plane as one raw ASGI application: an exact path leads to a surface, without middleware.

A framework costs about 300 us a request here (hot-path.md); a dict lookup costs none. Errors have the shape
of the API that the path belongs to, served or not, and every answer has a request id.
"""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from interlock_domain.catalog.policy import ServerLimits
from interlock_gateway.admission import Refused
from interlock_gateway.answers import CLOSE, send_json
from interlock_gateway.asgi import HeaderPairs, Receive, Scope, Send
from interlock_gateway.cors import Cors
from interlock_gateway.counters import families
from interlock_gateway.gateway import Gateway
from interlock_gateway.infer import infer
from interlock_gateway.listing import PATH as MODELS
from interlock_gateway.listing import listing
from interlock_gateway.wire import Wire
from interlock_protocols.errors import OwnError
from interlock_protocols.surfaces import SURFACES, errors_of

_JSON: Final = b"application/json"
_LIMITS: Final = ServerLimits()

Page = tuple[int, bytes, bytes]
"""Status, content type, body."""


class Application:
    """`await app(scope, receive, send)` for one gateway."""

    def __init__(self, gw: Gateway) -> None:
        self._gw = gw
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Gauges(gw))
        self._surfaces = {surface.path: surface for surface in SURFACES}
        self._cors: Cors | None = None
        self._gets: dict[str, Callable[[], Page]] = {
            "/healthz": lambda: (200, _JSON, b'{"status":"ok"}'),
            "/readyz": self._readyz,
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST.encode(), generate_latest(self._registry)),
            "/": lambda: (200, _JSON, b'{"service":"interlock"}'),
        }

    @property
    def max_headers(self) -> int:
        """What the server lets a request line and its headers have."""
        held = self._gw.follow.held
        return (held.snapshot.catalog.server if held else _LIMITS).max_headers

    def allow_origins(self, origins: tuple[str, ...]) -> None:
        """From now on pages of these origins may read answers; none: no page may."""
        self._cors = self._gw.admission.cors = Cors(origins) if origins else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; other scopes (websocket, lifespan) are not spoken here."""
        if scope["type"] != "http":
            return
        if self._cors is not None:
            send = self._cors.exposing(scope, send)
        if scope["method"] == "POST":
            surface = self._surfaces.get(scope["path"])
            if surface is not None:
                await infer(self._gw, surface, scope, receive, send)
                return
        await self._beside(scope, send)

    async def _beside(self, scope: Scope, send: Send) -> None:
        """Whatever is no inference."""
        Wire.of(scope)  # taken, though not used: left there it would make a ring with its connection
        path: str = scope["path"]
        method: str = scope["method"]
        headers: HeaderPairs = scope["headers"]
        if method in ("GET", "HEAD"):
            page = self._gets.get(path)
            if page is not None:
                status, kind, body = page()
                await self._say(send, status, body, [(b"content-type", kind)])
                return
            if path == MODELS or path.startswith(MODELS + "/"):
                await self._models(scope, send)
                return
        elif method == "OPTIONS" and self._cors is not None:
            allowed = self._cors.preflight(headers)
            if allowed is None:
                words = "pages of this origin may not call: it is not in server.cors_origins"
                await self._refuse(scope, send, Refused(403, "foreign_origin", words))
            else:
                await self._say(send, 200, b"", allowed)
            return
        await self._refuse(scope, send, self._not_served(method, path), allow=self._methods(path))

    async def _models(self, scope: Scope, send: Send) -> None:
        path, query, headers = scope["path"], scope["query_string"], scope["headers"]
        found = listing(self._gw, path, query, headers, errors_of(path, headers).key_words)
        if isinstance(found, Refused):
            await self._refuse(scope, send, found)
        else:
            await self._say(send, 200, found, [(b"content-type", _JSON)])

    def _readyz(self) -> Page:
        if self._gw.stopping:
            return 503, _JSON, b'{"status":"stopping"}'
        if self._gw.follow.held is None:
            return 503, _JSON, b'{"status":"no snapshot yet: run `interlock apply`"}'
        return 200, _JSON, b'{"status":"ready"}'

    def _methods(self, path: str) -> bytes | None:
        """What may be done with a path; None: nothing, there is none."""
        if path in self._surfaces:
            return b"POST"
        return b"GET, HEAD" if path in self._gets or path == MODELS else None

    def _not_served(self, method: str, path: str) -> Refused:
        if self._methods(path) is not None:
            return Refused(405, "method_not_allowed", f"{method} {path[:256]} is not served here")
        words = f"{method} {path[:256]} is not served here"
        if "/v1" + path in self._surfaces:
            words += f"; did you mean /v1{path}? The base URL ends with /v1"
        elif path.startswith("/v1/v1/"):
            words += f"; did you mean {path[3:256]}? The base URL ends before /v1"
        return Refused(404, "not_found", words)

    async def _refuse(self, scope: Scope, send: Send, why: Refused, *, allow: bytes | None = None) -> None:
        request_id = self._gw.ids.request_id()
        error = OwnError(why.status, why.code, why.message, why.param, request_id, why.type)
        headers = [(b"content-type", _JSON), (b"x-interlock-reason", why.code.encode())]
        if allow is not None:
            headers.append((b"allow", allow))
        body = errors_of(scope["path"], scope["headers"]).body(error)
        await self._say(send, why.status, body, headers, request_id)

    async def _say(
        self, send: Send, status: int, body: bytes, headers: HeaderPairs, request_id: str | None = None
    ) -> None:
        id_ = (request_id or self._gw.ids.request_id()).encode()
        headers += [(b"x-request-id", id_), (b"request-id", id_)]
        if self._gw.stopping:
            headers.append(CLOSE)
        await send_json(send, status, body, headers)


class _Gauges(Collector):
    def __init__(self, gw: Gateway) -> None:
        self._gw = gw

    def collect(self) -> list[Metric]:
        gw = self._gw
        stats = gw.client.stats()
        gauges = [
            ("interlock_in_flight", "Requests running now.", len(gw.exchanges)),
            ("interlock_snapshot_age_seconds", "Time since the last commit.", gw.follow.age_ms() / 1000),
            (
                "interlock_snapshot_position",
                "Log position of the snapshot in force.",
                gw.follow.held.snapshot.position if gw.follow.held else 0,
            ),
            ("interlock_outcomes_waiting", "Facts not yet in the log.", len(gw.ring)),
            ("interlock_outcomes_dropped", "Facts lost for good.", gw.ring.dropped),
            ("interlock_records_waiting", "Request records not yet in their store.", len(gw.records)),
            ("interlock_records_waiting_bytes", "What they weigh.", gw.records.bytes),
            ("interlock_records_dropped", "Request records lost for good.", gw.records.dropped),
            ("interlock_upstream_connections", "Open upstream connections.", stats.open),
        ]
        if gw.traces is not None:
            gauges.append(("interlock_spans_dropped", "Spans lost for good.", gw.traces.dropped))
        return families(gw.counters, gauges)
