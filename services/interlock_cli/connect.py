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
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2

from interlock_cli.refusal import Refusal
from interlock_cli.settings import admin_token
from interlock_runtime.data_dir import read_run
from interlock_runtime.sqlite_errors import StorageError

TIMEOUT_S: Final = 15.0
"""Longer than any bounded wait of the control plane (3 s) and any fold that it does inside a request."""
DATABASE: Final = "interlock.db"


class Control:
    """One open line. Calls block; they run on a loop of their own, which lives as long as the line."""

    def __init__(self, client: httpx2.AsyncClient, runner: asyncio.Runner, where: str) -> None:
        self._client = client
        self._runner = runner
        self.where = where

    def get(self, path: str, **query: Any) -> Any:
        """Read; parameters that are None are left out."""
        return self._call("GET", path, query=query)

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Write; fields that are None are left out."""
        return self._call(method, path, body={key: value for key, value in body.items() if value is not None})

    def post(self, path: str, text: bytes, *, if_match: int | None = None, **query: Any) -> Any:
        """Send a file as it is; `if_match`: the version that it was made on."""
        headers = {"content-type": "application/yaml"}
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"'
        return self._call("POST", path, query=query, text=text, headers=headers)

    def find(self, path: str, **query: Any) -> Any | None:
        """Read what may be missing: None for 404."""
        answer = self._answer("GET", path, query=query)
        return None if answer.status_code == 404 else _document(answer)

    def _call(self, method: str, path: str, **parts: Any) -> Any:
        return _document(self._answer(method, path, **parts))

    def _answer(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        text: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        params = {key: value for key, value in (query or {}).items() if value is not None}
        request = self._client.request(
            method, f"/admin/v1{path}", params=params, json=body, content=text, headers=headers
        )
        try:
            return self._runner.run(request)
        except httpx2.TimeoutException as late:
            raise Refusal(f"{self.where} did not answer within {TIMEOUT_S:g} s; try again") from late
        except httpx2.TransportError as broken:
            raise Refusal(
                f"nothing answers at {self.where}: start it with `interlock quickstart`, "
                "or name another with --url"
            ) from broken


def path_of(kind: str, name: str, rest: str = "") -> str:
    """`/targets/atlas/large/state`: names may hold slashes, everything else is quoted."""
    return f"/{kind}/{quote(name, safe='/')}{rest}"


@contextmanager
def reading(data_dir: Path, url: str | None) -> Iterator[Control]:
    """A line for reads: the named control plane, the running one, or the file at rest."""
    found = url or running(data_dir)
    if found is not None:
        with _over_http(found) as control:
            yield control
        return
    database = data_dir / DATABASE
    if not database.exists():
        raise Refusal(
            f"nothing runs here and {data_dir} holds no log: start with `interlock quickstart`, name another "
            "folder with --data-dir, or a control plane with --url"
        )
    with _at_rest(database) as control:
        yield control


@contextmanager
def writing(data_dir: Path, url: str | None) -> Iterator[Control]:
    """A line for changes: only a running control plane decides."""
    found = url or running(data_dir)
    if found is None:
        raise Refusal(
            f"nothing runs in {data_dir}, and only a running control plane takes changes: start it with "
            "`interlock quickstart`, or name another with --url"
        )
    with _over_http(found) as control:
        yield control


def running(data_dir: Path) -> str | None:
    """The address of the control plane that runs over this folder."""
    info = read_run(data_dir)
    return info.urls.get("control") if info is not None else None


@contextmanager
def _over_http(url: str) -> Iterator[Control]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refusal(f"--url {url} is no address: write http://host:8081", code=2)
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    client = httpx2.AsyncClient(
        base_url=url.rstrip("/"), timeout=TIMEOUT_S, trust_env=not loopback, headers=_headers(_token())
    )
    with asyncio.Runner() as runner:
        try:
            yield Control(client, runner, url)
        finally:
            runner.run(client.aclose())


@contextmanager
def _at_rest(database: Path) -> Iterator[Control]:
    # Imported by name: the application costs half a second, which a line to a running one does not need.
    root = import_module("interlock_cli.bootstrap")
    with asyncio.Runner() as runner:
        try:
            app, close = runner.run(root.open_at_rest(database))
        except StorageError as error:
            raise Refusal(str(error)) from error
        transport = httpx2.ASGITransport(app=app)
        client = httpx2.AsyncClient(transport=transport, base_url="http://at-rest", timeout=TIMEOUT_S)
        try:
            yield Control(client, runner, str(database))
        finally:
            runner.run(client.aclose())
            runner.run(close())


def _headers(token: str | None) -> dict[str, str]:
    """Who acts, as far as this machine knows, and the token; names that no header can carry stay at home."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        return headers
    return headers | {"x-interlock-actor": name} if name.isascii() and name.isprintable() else headers


def _token() -> str | None:
    token = admin_token()
    if token is not None and not (token.isascii() and token.isprintable()):
        raise Refusal("INTERLOCK_ADMIN_TOKEN holds characters that no header can carry: use another token")
    return token


def _document(answer: httpx2.Response) -> Any:
    """The answer's JSON; a problem is a refusal in the control plane's own words."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    if answer.is_success:
        return document
    detail = document.get("detail") if isinstance(document, dict) else None
    raise Refusal(str(detail or f"the control plane answered {answer.status_code}"))
