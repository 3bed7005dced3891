"""nginx for benchmarks: a static mock (whole answer, stream in one piece) and a plain proxy."""

import subprocess
import tempfile
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
  upstream unary {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 10000000; }}
  upstream paced {{ server 127.0.0.1:{paced}; keepalive 64; keepalive_requests 10000000; }}
  upstream bursts {{ server 127.0.0.1:{bursts}; keepalive 64; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {root}/www;
    error_page 405 =200 $uri;
    location = /v1/chat/completions {{ error_page 405 =200 /answer.json; try_files /none /answer.json; }}
    location = /whole/chat/completions {{ error_page 405 =200 /whole.sse; try_files /none /whole.sse; }}
  }}
  server {{
    listen 127.0.0.1:{proxy} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    location /v1/ {{ proxy_pass http://unary; }}
    location /whole/ {{ proxy_pass http://unary; }}
    location /paced/ {{ proxy_pass http://paced; }}
    location /bursts/ {{ proxy_pass http://bursts; }}
  }}
}}
"""


class Nginx:
    """A running nginx; `pids` are its worker processes, whose CPU is measured."""

    def __init__(self, *, port: int, proxy: int, paced: int, bursts: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="interlock-bench-"))
        (self.root / "www").mkdir()
        (self.root / "www" / "answer.json").write_text(ANSWER)
        (self.root / "www" / "whole.sse").write_text(WHOLE)
        for folder in ("body", "proxy", "f", "u", "s"):
            (self.root / folder).mkdir()
        config = self.root / "nginx.conf"
        config.write_text(CONFIG.format(root=self.root, port=port, proxy=proxy, paced=paced, bursts=bursts))
        self.root.chmod(0o755)
        self.process = subprocess.Popen(
            ["nginx", "-c", str(config), "-g", "daemon off;"], stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        """End the process that was started here."""
        self.process.terminate()
        self.process.wait(10)
