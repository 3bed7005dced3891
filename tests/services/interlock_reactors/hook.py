"""A webhook's receiver: answers by a script, then 200, and remembers what it was told."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

SECRET = "hook-secret-of-this-run"


class Heard(Struct, frozen=True):
    """One POST."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The webhook's id."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """Its body."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def is_signed(self, secret: str = SECRET) -> bool:
        """Checked as a receiver does, by the standard's own words."""
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        return self.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


class Hook:
    """Listens on a port of its own."""

    def __init__(self, script: Sequence[str]) -> None:
        self._script = list(script)
        self.heard: list[Heard] = []
        self.speaks = asyncio.Event()
        """Cleared: it takes a request and does not answer."""
        self.speaks.set()
        self.url = ""

    @property
    def ids(self) -> list[str]:
        """Ids in the order they came."""
        return [one.id for one in self.heard]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value.strip() for name, _, value in lines}
            body = await reader.readexactly(int(headers["content-length"]))
            self.heard.append(Heard(headers, body))
            await self.speaks.wait()
            status = self._script.pop(0) if self._script else "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def hook(*script: str) -> AsyncIterator[Hook]:
    """A receiver that is up."""
    one = Hook(script)
    server = await asyncio.start_server(one.answer, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield one
    finally:
        one.speaks.set()
        server.close()
