"""From a host name to addresses, one lookup at a time for each name.

The rule kept: a name server that does not answer holds one thread, however many requests want the name. The
event loop's default executor has few threads and getaddrinfo cannot be interrupted; without this, one dead
zone would stop the lookups of every healthy upstream. No cache: pooled connections make lookups rare, and the
system has one.
"""

import asyncio
import socket


class Resolver:
    """Looks names up by getaddrinfo; IP literals are answered at once."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def resolve(self, host: str, port: int) -> list[str]:
        """Addresses in the system's order, at least one. Raises OSError (gaierror) or UnicodeError."""
        if _is_literal(host):
            return [host]
        key = (host, port)
        lookup = self._running.get(key)
        if lookup is None:
            lookup = asyncio.get_running_loop().run_in_executor(None, _look_up, host, port)
            self._running[key] = lookup
            lookup.add_done_callback(lambda done: self._over(key, done))
        return await asyncio.shield(lookup)

    def _over(self, key: tuple[str, int], lookup: asyncio.Future[list[str]]) -> None:
        self._running.pop(key, None)
        if not lookup.cancelled():
            lookup.exception()  # all who asked may be gone: mark it as seen


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False
