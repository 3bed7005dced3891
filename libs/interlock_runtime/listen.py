"""Listening sockets, taken before anything else is opened.

Rule: a port is ours, listening, before a database is touched; a taken one is a sentence, not a traceback
from inside a server. Clients that come early wait in the backlog. Dropped: letting the server bind, which
finds out after everything else was opened.
"""

import errno
import ipaddress
import socket
from typing import Final

from msgspec import Struct

BACKLOG: Final = 2_048


class PortRefused(Struct, frozen=True):
    """The port cannot be had; `sentence` says why and what to do."""

    sentence: str


def listen_on(
    host: str, port: int, *, option: str = "--port", shared: bool = False
) -> socket.socket | PortRefused:
    """A listening socket on one address; port 0 takes any free one. `option` is what chooses another.

    `shared`: beside those of other processes of this user, each with a queue of its own.
    """
    taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind((host, port))
        taken.listen(BACKLOG)
        taken.setblocking(False)
    except OSError as error:
        taken.close()
        return PortRefused(_sentence(error, host, port, option))
    return taken


def address_of(listening: socket.socket) -> str:
    """`http://host:port` as a client writes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address to listen on; a name but `localhost` may lead anywhere."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _sentence(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use by another program: stop it, or choose another with {option}"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}: choose one above 1023 with {option}"
    why = (error.strerror or "error").lower()
    return f"cannot listen on {host} port {port} ({why}): choose another with --host and {option}"
