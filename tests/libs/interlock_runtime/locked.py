"""A PostgreSQL that lets one role in by TLS and password only, with an authority made for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
from msgspec import Struct

from interlock_testing.services.postgres import LOCKED, Certified, PostgresServer
from interlock_testing.services.tiers import LocalPostgres
from tests.libs.interlock_upstream.certificates import make_identity

PASSWORD = "canary-word-of-locked"
WRONG = "canary-word-of-nobody"


class Locked(Struct, frozen=True):
    """A server that lets one role in by TLS and password only, and that role's own database."""

    server: PostgresServer
    ca: str
    other_ca: str

    def url(self, *, password: str = PASSWORD, host: str = "127.0.0.1", **options: str) -> str:
        port = self.server.url.rpartition(":")[2].partition("/")[0]
        given = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{LOCKED}:{password}@{host}:{port}/{LOCKED}?{given}"


@asynccontextmanager
async def locked_server(local: LocalPostgres, folder: Path) -> AsyncIterator[Locked]:
    for name in ("own", "other"):
        (folder / name).mkdir()
    own = make_identity(folder / "own", names="IP:127.0.0.1,DNS:elsewhere.invalid")
    server = local.server(tls=Certified(certificate=own.certificate, key=own.key))
    await server.start()
    try:
        owner = await asyncpg.connect(server.url, timeout=20)
        await owner.execute(f"CREATE ROLE {LOCKED} LOGIN PASSWORD '{PASSWORD}'")
        await owner.execute(f"CREATE DATABASE {LOCKED} OWNER {LOCKED}")
        await owner.close()
        yield Locked(server, str(own.ca_file), str(make_identity(folder / "other").ca_file))
    finally:
        await server.remove()
