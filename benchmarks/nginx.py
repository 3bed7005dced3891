"""nginx for benchmarks: a static mock (whole answer, stream in one piece) and a plain proxy, each its own.

Two processes, because the processor time of one must not be charged to the other.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.upstream import EVENT, ROLE, STOP

ANSWER = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
    '{"role":"assistant","content":"' + "word " * 74 + '"},"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":9,"completion_tokens":74,"total_tokens":83}}'
)
WHOLE = (ROLE + EVENT * 50 + STOP).decode()

CONFIG = """
worker_processes 1;
pid {root}/pid;
error_log {root}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 10000000;
  keepalive_timeout 300;
  default_type application/json;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/f;
  uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  types {{ application/json json; text/event-stream sse; }}
  {servers}
}}
"""
MOCK = """
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {root}/www;
    error_page 405 =200 $uri;
    location = /v1/chat/completions {{ error_page 405 =200 /answer.json; try_files /none /answer.json; }}
    location = /whole/chat/completions {{ error_page 405 =200 /whole.sse; try_files /none /whole.sse; }}
  }}
"""
UPSTREAM = "upstream {name} {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 10000000; }}"
LOCATION = "location /{name}/ {{ proxy_pass http://{name}/{path}/; }}"
PROXY = """
  {upstreams}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    {locations}
  }}
"""


class Nginx:
    """A running nginx: its master with one worker."""

    def __init__(self, servers: str, port: int) -> None:
        self.port = port
        self.root = Path(tempfile.mkdtemp(prefix="interlock-bench-"))
        (self.root / "www").mkdir()
        (self.root / "www" / "answer.json").write_text(ANSWER)
        (self.root / "www" / "whole.sse").write_text(WHOLE)
        for folder in ("body", "proxy", "f", "u", "s"):
            (self.root / folder).mkdir()
        config = self.root / "nginx.conf"
        config.write_text(CONFIG.format(root=self.root, servers=servers.replace("{root}", str(self.root))))
        self.root.chmod(0o755)
        self.process = subprocess.Popen(
            ["nginx", "-c", str(config), "-g", "daemon off;"], stderr=subprocess.DEVNULL
        )

    @property
    def pid(self) -> int:
        """The master; its worker is its child."""
        return self.process.pid

    def stop(self) -> None:
        """End the process that was started here, and leave nothing of it."""
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)


def nginx_mock(port: int) -> Nginx:
    """Answers `/v1/chat/completions` whole and `/whole/chat/completions` with a stream in one piece."""
    return Nginx(MOCK.format(port=port, root="{root}"), port)


def nginx_proxy(port: int, upstreams: Mapping[str, tuple[int, str]]) -> Nginx:
    """A plain proxy that buffers nothing; `/<name>/...` goes to `/<path>/...` of the port of that name."""
    blocks = [UPSTREAM.format(name=name, port=where) for name, (where, _) in upstreams.items()]
    locations = [LOCATION.format(name=name, path=path) for name, (_, path) in upstreams.items()]
    return Nginx(
        PROXY.format(port=port, upstreams="\n  ".join(blocks), locations="\n    ".join(locations)), port
    )


def nginx_version() -> str:
    """As it says itself, for example `1.22.1`."""
    done = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True)
    return done.stderr.strip().rpartition("/")[2]
