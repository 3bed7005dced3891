"""From an operating system error to a kind: the one place that reads exception types and errno.

The rule kept: never the message text, which differs between asyncio, uvloop, OpenSSL and locales. asyncio's
own multi-address connect joins several errors into one OSError whose only content is text, which is why
addresses are tried one by one in `dial.py`.
"""

import errno
import socket
import ssl
from typing import Final

from interlock_upstream.errors import FailureKind, Phase

_UNREACHABLE: Final = (
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL,
    errno.EACCES, errno.EPERM,  # a local packet filter answers connect() with these
)  # fmt: skip
_RESET: Final = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN, errno.ENOTCONN)
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_BY_ERRNO: Final[dict[int, FailureKind]] = {
    errno.ECONNREFUSED: FailureKind.REFUSED,
    **dict.fromkeys(_UNREACHABLE, FailureKind.UNREACHABLE),
    **dict.fromkeys(_RESET, FailureKind.RESET),
    **dict.fromkeys(_EXHAUSTED, FailureKind.POOL_EXHAUSTED),
}


def classify(error: BaseException, phase: Phase) -> FailureKind:
    """Name what `error` means when it ends an attempt in `phase`."""
    if isinstance(error, ssl.SSLError):  # also an OSError, with OpenSSL's numbers as errno: must come first
        return FailureKind.TLS
    if isinstance(
        error, socket.gaierror | UnicodeError
    ):  # a host name that cannot be encoded has no address either
        return FailureKind.DNS
    if isinstance(error, TimeoutError):  # asyncio's and the kernel's ETIMEDOUT are one class
        return FailureKind.CONNECT_TIMEOUT if phase is Phase.CONNECT else FailureKind.RESET
    number = error.errno if isinstance(error, OSError) else None
    if number in _BY_ERRNO:
        return _BY_ERRNO[number]
    # asyncio raises ConnectionError classes without errno, for one when the peer leaves during the TLS
    # handshake.
    if phase is Phase.CONNECT and not isinstance(error, ConnectionError):
        return FailureKind.UNREACHABLE
    return FailureKind.RESET


def describe(error: BaseException) -> str:
    """Short text for people: class and message; for display only, nothing decides on it."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
