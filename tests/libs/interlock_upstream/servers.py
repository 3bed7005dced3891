"""Real servers for the contract: nginx as a child process and uvicorn in a thread, with the same paths.

/text 600 bytes of a known length, /big 5 MB, /stream chunked, /gzip gzip, /empty 204, /moved a redirect,
/close ends the connection, /upload takes any body.
"""

import gzip
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from interlock_testing.waiting import free_port

TEXT = b"0123456789" * 60
BIG = bytes(range(256)) * 20_000
NGINX = "/usr/sbin/nginx"

_CONFIG = """
daemon off; worker_processes 1; {user} pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off; default_type text/plain; root {folder}/files;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    client_max_body_size 100m; client_body_buffer_size 8m; keepalive_timeout {keepalive_s}s;
    server {{
        listen 127.0.0.1:{port};
        location = /stream {{ ssi on; ssi_types *; }}
        location = /gzip {{ gzip on; gzip_min_length 1; gzip_types *; gzip_http_version 1.0; }}
        location = /empty {{ return 204; }}
        location = /moved {{ return 302 /text; }}
        location = /close {{ keepalive_timeout 0; return 200 "bye"; }}
        location = /upload {{ return 200 "taken"; }}
        error_page 405 =200 $uri;
    }}
}}
"""


@contextmanager
def nginx(folder: Path, *, keepalive_s: int = 75) -> Iterator[str]:
    """Run nginx as a child process. Skips when it is not installed; under CI that is a failure."""
    if not Path(NGINX).exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{NGINX} is missing, and CI must run the nginx contract")
        pytest.skip(f"NOT RUN against nginx: {NGINX} is missing (apt-get install nginx-light)")
    files = folder / "files"
    files.mkdir()
    for name, content in (("text", TEXT), ("big", BIG), ("stream", TEXT), ("gzip", TEXT)):
        (files / name).write_bytes(content)
    port = free_port()
    config = folder / "nginx.conf"
    # A master that runs as root gives its workers to nobody, who may not read pytest's folders.
    user = "user root root;" if os.geteuid() == 0 else ""
    config.write_text(_CONFIG.format(folder=folder, port=port, keepalive_s=keepalive_s, user=user))
    with subprocess.Popen([NGINX, "-c", str(config), "-p", str(folder)], stderr=subprocess.DEVNULL) as child:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            child.terminate()


@contextmanager
def uvicorn_server(*, keepalive_s: int = 75) -> Iterator[str]:
    """Run an ASGI application on uvicorn in a thread with a loop of its own."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        _application, lifespan="off", ws="none", log_level="critical", timeout_keep_alive=keepalive_s
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    port: int = listener.getsockname()[1]
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


async def _application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    path = scope["path"]
    status, body, headers = _ANSWERS[path]
    length = [] if path == "/stream" else [(b"Content-Length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    if scope["method"] == "HEAD" or path != "/stream":
        await send({"type": "http.response.body", "body": body})
        return
    for start in range(0, len(body), 100):
        await send({"type": "http.response.body", "body": body[start : start + 100], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


_ANSWERS: dict[str, tuple[int, bytes, list[tuple[bytes, bytes]]]] = {
    "/text": (200, TEXT, [(b"Content-Type", b"text/plain")]),
    "/big": (200, BIG, []),
    "/stream": (200, TEXT, []),
    "/gzip": (200, gzip.compress(TEXT), [(b"Content-Encoding", b"gzip")]),
    "/empty": (204, b"", []),
    "/moved": (302, b"", [(b"Location", b"/text")]),
    "/close": (200, b"bye", [(b"Connection", b"close")]),
    "/upload": (200, b"taken", []),
}


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.01)
        else:
            return
