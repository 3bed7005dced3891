"""One port for several workers, kept for them between two lives of any.

Rule: each worker listens for itself by SO_REUSEPORT, so the kernel spreads connections over their queues and
a dead worker holds up none of the others'; the supervisor holds a bound socket that never listens, so that
the port stays theirs. Dropped: one listening socket handed down, whose single queue the busiest loop drains.
"""

import socket

from interlock_runtime.listen import PortRefused, listen_on


def reserve(host: str, port: int) -> socket.socket | PortRefused:
    """Keep a port for workers that will share it; refused when any other program has it.

    Taken alone first: with SO_REUSEPORT two gateways of one user would share a port without a word.
    """
    alone = listen_on(host, port)
    if isinstance(alone, PortRefused):
        return alone
    found = port_of(alone)
    alone.close()
    kept = socket.socket(alone.family, socket.SOCK_STREAM)
    try:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind((host, found))
    except OSError as error:
        kept.close()
        return PortRefused(f"port {found} was taken by another program ({error.strerror}): start again")
    return kept


def port_of(taken: socket.socket) -> int:
    """The port that a socket really has."""
    port: int = taken.getsockname()[1]
    return port
