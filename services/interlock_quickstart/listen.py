"""Listening sockets, taken before anything else is opened.

Rule: a port is ours, listening, before the database is touched; a taken one is a sentence, not a traceback
from inside a server. Clients that come early wait in the backlog for the few hundred milliseconds of start.
Dropped: letting the server bind, which finds out after the log was opened and folded.
"""

import errno
import socket
from typing import Final

from msgspec import Struct

HOST: Final = "127.0.0.1"
"""Quickstart has neither gateway keys nor admin tokens by default: it never listens beyond this machine."""
BACKLOG: Final = 2_048


class PortRefused(Struct, frozen=True):
    """The port cannot be had; `sentence` says why and what to do."""

    sentence: str


def listen(port: int, *, option: str) -> socket.socket | PortRefused:
    """A listening socket on loopback; port 0 takes any free one. `option` is what chooses another."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, port))
        taken.listen(BACKLOG)
        taken.setblocking(False)
    except OSError as error:
        taken.close()
        return PortRefused(_sentence(error, port, option))
    return taken


def port_of(listening: socket.socket) -> int:
    """The port that a socket really has."""
    port: int = listening.getsockname()[1]
    return port


def _sentence(error: OSError, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use by another program: stop it, or choose another with {option}"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}: choose one above 1023 with {option}"
    return f"cannot listen on port {port} ({error.strerror}): choose another with {option}"
