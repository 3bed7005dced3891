"""A line to the control plane: HTTP to a running one, or the same application over the file at rest.

Rule: verbs speak the HTTP contract and nothing else, so that a verb works alike on a laptop and against a
cluster. Where nothing runs, reads are answered by the control plane's own application inside this process
over the database opened for reading; writes are refused, because only the owner of the file decides.
Dropped: reading the tables here, a second understanding of the same rows.
"""

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx2

from interlock_cli.bootstrap import AtRest, open_at_rest
from interlock_cli.refusal import Refusal
from interlock_runtime.data_dir import read_run

TIMEOUT_S: Final = 15.0
"""Longer than any bounded wait of the control plane (3 s) and any fold that it does inside a request."""


class Control:
    """One open line. Calls block; they run on a loop of their own, which lives as long as the line."""

    def __init__(self, client: httpx2.AsyncClient, runner: "asyncio.Runner", where: str) -> None:
        self._client = client
        self._runner = runner
        self.where = where

    def get(self, path: str, **query: Any) -> Any:
        """Read; parameters that are None are left out."""
        return self._call("GET", path, query=query)

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Write; fields that are None are left out."""
        return self._call(method, path, body={key: value for key, value in body.items() if value is not None})

    def find(self, path: str, **query: Any) -> Any | None:
        """Read what may be missing: None for 404."""
        answer = self._answer("GET", path, query=query)
        return None if answer.status_code == 404 else _document(answer)

    def _call(self, method: str, path: str, **parts: Any) -> Any:
        return _document(self._answer(method, path, **parts))

    def _answer(
        self, method: str, path: str, *, query: dict[str, Any] | None = None, body: dict[str, Any] | None = None
    ) -> httpx2.Response:
        params = {key: value for key, value in (query or {}).items() if value is not None}
        request = self._client.request(method, f"/admin/v1{path}", params=params, json=body)
        try:
            return self._runner.run(request)
        except httpx2.TimeoutException as late:
            raise Refusal(f"{self.where} did not answer within {TIMEOUT_S:g} s; try again") from late
        except httpx2.TransportError as broken:
            raise Refusal(
                f"nothing answers at {self.where}: start it with `interlock quickstart`, or name another with --url"
            ) from broken


def path_of(kind: str, name: str, rest: str = "") -> str:
    """`/targets/atlas/large/state`: names may hold slashes, everything else is quoted."""
    return f"/{kind}/{quote(name, safe='/')}{rest}"
