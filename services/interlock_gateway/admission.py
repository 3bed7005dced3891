"""Who may ask: gateway keys, known by their hashes alone, and what each of them may use.

Rule: a key is looked up by its SHA-256; how long that takes depends on the hash alone, which nobody who lacks
the key can choose byte by byte, so no key is learnt by timing. What is counted for a key outlives the
snapshots that declare it. No key declared = whoever reaches the port may ask, so a port that others reach
refuses until it is told otherwise; and a page in a browser of this machine, which reaches loopback too, may
not. A share of the fleet for each gateway was dropped: a key's limits protect this process, and the fleet's
capacity belongs to the targets.
"""

from enum import Enum
from math import ceil
from typing import Final

from msgspec import Struct

from interlock_domain.catalog.key import GatewayKey
from interlock_gateway.asgi import HeaderPairs
from interlock_gateway.client_head import ClientHead
from interlock_gateway.cors import Cors
from interlock_protocols.errors import KeyWords


class Refused(Struct, frozen=True):
    """Why a request is not taken, in words for the caller."""

    status: int
    code: str
    message: str
    param: str | None = None
    retry_after_s: int | None = None
    type: str | None = None


class KeyFault(Enum):
    """What is wrong with a caller's key; each API words it in its own way."""

    MISSING = "missing"
    WRONG = "wrong"


NO_KEYS: Final = Refused(
    403,
    "no_keys_declared",
    "This gateway listens beyond its own machine and no gateway key is declared, so it serves nobody. "
    "Declare `keys` in the configuration, or start it with INTERLOCK_OPEN=1 if whoever reaches this port may "
    "use it.",
)
FOREIGN_PAGE: Final = Refused(
    403,
    "foreign_origin",
    "A page of another origin asked, and no gateway key is declared: any page in this machine's browsers "
    "could spend its credentials. Declare `keys`, or name the page's origin in `server.cors_origins`.",
)


def refused_key(fault: KeyFault, words: KeyWords) -> Refused:
    """The refusal of a key, in an API's own words."""
    if fault is KeyFault.MISSING:
        return Refused(401, "missing_api_key", words.missing, type="invalid_request_error")
    return Refused(401, "invalid_api_key", words.wrong, type="invalid_request_error")


class Caller:
    """One key and what it uses now. `max_in_flight` and `max_rps` are those of this worker."""

    __slots__ = ("_at", "_tokens", "in_flight", "key", "max_in_flight", "max_rps")

    def __init__(self, key: GatewayKey, workers: int) -> None:
        self.in_flight = 0
        self._tokens = 0.0
        self._at = float("-inf")
        self.declare(key, workers)

    def declare(self, key: GatewayKey, workers: int) -> None:
        """Go on under a new definition."""
        self.key = key
        self.max_in_flight = None if key.max_in_flight is None else ceil(key.max_in_flight / workers)
        self.max_rps = None if key.max_rps is None else key.max_rps / workers

    def may_use(self, model: str) -> bool:
        """Whether the key's pools name this model; exact targets need a key for all."""
        return self.key.pools is None or model in self.key.pools

    def enter(self, now_s: float) -> Refused | None:
        """Count one request in, or say what it has to wait for. `leave` when it ends."""
        if self.max_in_flight is not None and self.in_flight >= self.max_in_flight:
            message = f"the key {self.key.name} has {self.max_in_flight} requests running here"
            return Refused(429, "concurrency", message, retry_after_s=1)
        if self.max_rps is not None:
            wait_s = self._draw(self.max_rps, now_s)
            if wait_s > 0:
                message = f"the key {self.key.name} may ask {self.max_rps:g} times a second here"
                return Refused(429, "rate_limit_exceeded", message, retry_after_s=ceil(wait_s))
        self.in_flight += 1
        return None

    def leave(self) -> None:
        """A request that was counted in has ended."""
        self.in_flight -= 1

    def _draw(self, rate: float, now_s: float) -> float:
        """Take a token of a bucket that holds a second's worth; else how long until there is one."""
        size = max(1.0, rate)
        left = min(size, self._tokens + (now_s - self._at) * rate)
        self._at = now_s
        self._tokens = left - 1.0 if left >= 1.0 else left
        return 0.0 if left >= 1.0 else (1.0 - left) / rate


class Admission:
    """The callers of this worker, by the hashes of their keys; `open`: without keys it serves everybody."""

    def __init__(self, workers: int, *, open: bool = True) -> None:
        self._workers = workers
        self._open = open
        self.cors: Cors | None = None
        """Whose pages may ask where no key is declared; None: nobody's."""
        self._declared: tuple[GatewayKey, ...] = ()
        self._callers: dict[str, Caller] = {}

    def admit(self, declared: tuple[GatewayKey, ...], head: ClientHead) -> Caller | KeyFault | Refused | None:
        """Who asks; None where no key is declared and none is needed.

        `declared`: of the snapshot in force.
        """
        if declared is not self._declared:
            self._learn(declared)
        if not declared:
            return self._without_keys(head.sent)
        given = head.keys()
        for key in given:  # some clients send an old one in the other header
            caller = self._callers.get(key)
            if caller is not None:
                return caller
        return KeyFault.WRONG if given else KeyFault.MISSING

    def _without_keys(self, headers: HeaderPairs) -> Refused | None:
        if not self._open:
            return NO_KEYS
        for name, value in headers:
            if name == b"origin":
                known = self.cors is not None and self.cors.allows(value)
                return None if known else FOREIGN_PAGE
        return None

    def _learn(self, declared: tuple[GatewayKey, ...]) -> None:
        known = {caller.key.name: caller for caller in self._callers.values()}
        self._callers = {}
        for key in declared:
            caller = known.get(key.name)
            if caller is None:
                caller = Caller(key, self._workers)
            else:
                caller.declare(key, self._workers)
            self._callers[key.sha256.lower()] = caller
        self._declared = declared
