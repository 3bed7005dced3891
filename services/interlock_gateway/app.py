"""The data plane as one raw ASGI application: an exact path leads to a surface, without middleware.

A framework costs about 300 us a request here (hot-path.md); a dict lookup costs none. Errors have the
shape of the client API on every path.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from interlock_domain.catalog.policy import ServerLimits
from interlock_domain.routing.views import pool_serves
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_gateway.admission import Caller, KeyFault
from interlock_gateway.answers import send_json
from interlock_gateway.asgi import HeaderPairs, Receive, Scope, Send
from interlock_gateway.counters import families
from interlock_gateway.gateway import Gateway
from interlock_gateway.infer import infer
from interlock_protocols.errors import KEY_WORDS, OwnError, error_body
from interlock_protocols.models import model_body, models_body
from interlock_protocols.surfaces import SURFACES

_JSON: Final = [(b"content-type", b"application/json")]
_MODELS: Final = "/v1/models"
_LIMITS: Final = ServerLimits()


class Application:
    """`await app(scope, receive, send)` for one gateway."""

    def __init__(self, gw: Gateway) -> None:
        self._gw = gw
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Gauges(gw))
        self._surfaces = {surface.path: surface for surface in SURFACES}
        self._gets: dict[str, Callable[[Send], Awaitable[None]]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            "/": self._root,
        }

    @property
    def max_headers(self) -> int:
        """What the server lets a request line and its headers have."""
        held = self._gw.follow.held
        return (held.snapshot.catalog.server if held else _LIMITS).max_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; other scopes (websocket, lifespan) are not spoken here."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        method: str = scope["method"]
        if method == "POST":
            surface = self._surfaces.get(path)
            if surface is not None:
                await infer(self._gw, surface, scope, receive, send)
                return
        elif method in ("GET", "HEAD"):
            page = self._gets.get(path)
            if page is not None:
                await page(send)
                return
            if path == _MODELS or path.startswith(_MODELS + "/"):
                await self._listing(send, scope["headers"], path[len(_MODELS) + 1 :])
                return
        known = path in self._surfaces or path in self._gets or path == _MODELS
        await _refuse(send, 405 if known else 404, f"{method} {path} is not served here")

    async def _root(self, send: Send) -> None:
        await send_json(send, 200, b'{"service":"interlock"}', _JSON)

    async def _healthz(self, send: Send) -> None:
        await send_json(send, 200, b'{"status":"ok"}', _JSON)

    async def _readyz(self, send: Send) -> None:
        gw = self._gw
        if gw.stopping:
            await send_json(send, 503, b'{"status":"stopping"}', _JSON)
        elif gw.follow.held is None:
            await send_json(send, 503, b'{"status":"no snapshot yet: run `interlock apply`"}', _JSON)
        else:
            await send_json(send, 200, b'{"status":"ready"}', _JSON)

    async def _metrics(self, send: Send) -> None:
        await send_json(
            send, 200, generate_latest(self._registry), [(b"content-type", CONTENT_TYPE_LATEST.encode())]
        )

    async def _listing(self, send: Send, headers: HeaderPairs, model: str) -> None:
        """`GET /v1/models`, or one of them: what the caller's key may use."""
        held = self._gw.follow.held
        if held is None:
            await _refuse(send, 503, "no routing snapshot yet; run `interlock apply`", "not_ready")
            return
        caller = self._gw.admission.admit(held.snapshot.catalog.keys, headers)
        if isinstance(caller, KeyFault):
            words = KEY_WORDS.missing if caller is KeyFault.MISSING else KEY_WORDS.wrong
            await _refuse(send, 401, words, "invalid_api_key")
        elif not model:
            await send_json(send, 200, models_body(self._listed(held.snapshot, caller)), _JSON)
        elif held.snapshot.resolve(model) is None or not _may_use(caller, model):
            await _refuse(send, 404, f"the model `{model}` does not exist", "model_not_found")
        else:
            await send_json(send, 200, model_body(model, "interlock"), _JSON)

    def _listed(self, snapshot: Snapshot, caller: Caller | None) -> list[tuple[str, str]]:
        as_of_ms = self._gw.follow.as_of_ms()
        return [
            (name, "interlock")
            for name in snapshot.pools
            if _may_use(caller, name) and pool_serves(snapshot, name, as_of_ms)
        ]


def _may_use(caller: Caller | None, model: str) -> bool:
    return caller is None or caller.may_use(model)


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


async def _refuse(send: Send, status: int, message: str, code: str = "not_found") -> None:
    await send_json(send, status, error_body(OwnError(status, code, message)), _JSON)
