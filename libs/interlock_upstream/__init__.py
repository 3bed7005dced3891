"""A small, fast HTTP/1.1 client for one purpose: calling LLM upstreams and knowing exactly how a call failed.

Start at `port.py` for the contract, then `client.py`, `connection.py` and `parser.py`, in the order of a
request.
"""

from interlock_upstream.client import HttpClient
from interlock_upstream.errors import (
    ClientMisused,
    FailureKind,
    InvalidValue,
    Phase,
    UpstreamError,
    UpstreamFailed,
)
from interlock_upstream.limits import Limits
from interlock_upstream.origin import Origin
from interlock_upstream.pool import KeyStats, PoolStats
from interlock_upstream.port import UpstreamClient, UpstreamResponse
from interlock_upstream.proxy import Proxies, ProxyServer
from interlock_upstream.request import PhaseLimits, UpstreamRequest, build_fixed_headers, build_head
from interlock_upstream.tls import TlsOptions

__all__ = [
    "ClientMisused",
    "FailureKind",
    "HttpClient",
    "InvalidValue",
    "KeyStats",
    "Limits",
    "Origin",
    "Phase",
    "PhaseLimits",
    "PoolStats",
    "Proxies",
    "ProxyServer",
    "TlsOptions",
    "UpstreamClient",
    "UpstreamError",
    "UpstreamFailed",
    "UpstreamRequest",
    "UpstreamResponse",
    "build_fixed_headers",
    "build_head",
]
