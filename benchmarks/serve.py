"""Servers that are compared: `null`, `pass` (bare pass-through) and `gateway`, each one process.

All three are raw ASGI on the same uvicorn settings; `pass` and `gateway` use the same upstream client.
The gateway runs with every feature on: gateway keys declared and asked for, routing, records encoded,
outcomes counted, reports, metrics.
"""

import argparse
import os
from hashlib import sha256
from typing import Any

import msgspec
import uvloop

from benchmarks.load import KEY
from benchmarks.nginx import ANSWER
from interlock_domain.attempt.record import RequestRecord
from interlock_domain.catalog.key import GatewayKey
from interlock_domain.catalog.pool import Member, Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target
from interlock_domain.digest import table_digest
from interlock_domain.rows import CATALOG_KEY, CatalogRow, CommitRow
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_feed.adapters.memory import MemoryFeed
from interlock_gateway.bootstrap import GatewayPorts, build_gateway, wall_ms
from interlock_gateway.identity import new_identity
from interlock_gateway.server import gateway_server
from interlock_runtime.process import settle_process
from interlock_runtime.telemetry.opening import open_telemetry
from interlock_upstream.client import HttpClient
from interlock_upstream.origin import Origin
from interlock_upstream.request import PhaseLimits, UpstreamRequest, build_head

LIMITS = PhaseLimits(connect_s=5, headers_s=30)
DROPPED = {b"host", b"content-length", b"connection", b"transfer-encoding", b"accept-encoding"}


def null_app() -> Any:
    """Reads the body and answers a constant."""
    body = ANSWER.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            continue
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def pass_app(upstream: str) -> Any:
    """Forwards body and headers, streams back what arrives: no routing, no record, no checks."""
    client = HttpClient()
    origin, base = Origin.parse(upstream)
    path, authority = base + b"/chat/completions", origin.authority

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        extra = [pair for pair in scope["headers"] if pair[0] not in DROPPED]
        head = build_head(b"POST", path, authority, b"", extra, len(body))
        response = await client.send(UpstreamRequest(origin, head, body), LIMITS)
        try:
            headers = [pair for pair in response.headers if pair[0] not in DROPPED]
            if response.header(b"content-type") == b"application/json":
                answer = await response.read(1 << 26, 30, 30)
                headers.append((b"content-length", b"%d" % len(answer)))
                await send({"type": "http.response.start", "status": response.status, "headers": headers})
                await send({"type": "http.response.body", "body": answer})
                return
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            while (piece := await response.next(30)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            response.release()

    return app


class EncodedRecords:
    """A record store that pays for the encoding and keeps nothing."""

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()
        self.bytes = 0

    async def put(self, records: list[RequestRecord]) -> None:
        """Encode a batch."""
        self.bytes += sum(len(self._encoder.encode(record)) for record in records)


def catalog(upstreams: dict[str, str], targets: int) -> CatalogRow:
    """`targets` targets over the upstreams, in pools of four named <upstream>-<n>."""
    providers = tuple(Provider(name=name, base_url=url) for name, url in upstreams.items())
    defined: list[Target] = []
    pools: list[Pool] = []
    each = max(4, targets // len(upstreams))
    for provider in providers:
        mine = [
            Target(id=f"{provider.name}/m-{n}", provider=provider.name, model=f"m-{n}") for n in range(each)
        ]
        defined += mine
        for start in range(0, each - 3, 4):
            members = tuple(
                Member(target=t.id, priority=i + 1) for i, t in enumerate(mine[start : start + 4])
            )
            pools.append(Pool(name=f"{provider.name}-{start // 4}", members=members))
    keys = (GatewayKey(name="bench", sha256=sha256(KEY.encode()).hexdigest()),)
    return CatalogRow(revision=1, providers=providers, targets=tuple(defined), pools=tuple(pools), keys=keys)


async def gateway_app(upstreams: dict[str, str], targets: int) -> Any:
    """A gateway over memory adapters and a catalog of `targets` targets."""
    feed = MemoryFeed()
    rows = {CATALOG_KEY: msgspec.json.encode(catalog(upstreams, targets), order="deterministic")}
    commit = CommitRow(generation=1, epoch=1, position=1, log_ms=wall_ms(), digest=table_digest(rows))
    await feed.publish(commit, rows)
    ports = GatewayPorts(log=MemoryEventLog(wall_ms), feed=feed, records=EncodedRecords())  # type: ignore[arg-type]
    # Costs nothing unless an OTEL_ variable asks for it: so both can be measured.
    telemetry = open_telemetry(os.environ, service="bench", instance="1")
    service = build_gateway(
        ports, identity=new_identity("bench"), secret_of=lambda ref: None, telemetry=telemetry
    )
    if not await service.start():
        raise SystemExit("the gateway has no snapshot")
    return service.app


async def main() -> None:
    """Serve one application until killed."""
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--app", choices=("null", "pass", "gateway"), required=True)
    wanted.add_argument("--port", type=int, required=True)
    wanted.add_argument("--upstream", action="append", default=[], help="name=url; the first one for `pass`")
    wanted.add_argument("--targets", type=int, default=10)
    args = wanted.parse_args()
    upstreams = dict(pair.split("=", 1) for pair in args.upstream)
    if args.app == "null":
        app = null_app()
    elif args.app == "pass":
        app = pass_app(next(iter(upstreams.values())))
    else:
        app = await gateway_app(upstreams, args.targets)
    settle_process()
    await gateway_server(app, host="127.0.0.1", port=args.port).serve()


if __name__ == "__main__":
    uvloop.run(main())
