"""Kinds come from exception types and errno, whatever the message says."""

import errno
import socket
import ssl

import pytest

from interlock_upstream import FailureKind, Phase
from interlock_upstream.failures import classify, describe

K, P = FailureKind, Phase


@pytest.mark.parametrize(
    ("error", "phase", "kind"),
    [
        (ssl.SSLCertVerificationError(1, "x"), P.CONNECT, K.TLS),
        (ssl.SSLError(errno.ECONNREFUSED, "refused"), P.CONNECT, K.TLS),
        (ssl.SSLEOFError(8, "eof"), P.BODY, K.TLS),
        (socket.gaierror(socket.EAI_NONAME, "x"), P.CONNECT, K.DNS),
        (UnicodeError("label too long"), P.CONNECT, K.DNS),
        (TimeoutError(), P.CONNECT, K.CONNECT_TIMEOUT),
        (OSError(errno.ETIMEDOUT, "x"), P.CONNECT, K.CONNECT_TIMEOUT),
        (OSError(errno.ETIMEDOUT, "x"), P.BODY, K.RESET),
        (OSError(errno.ECONNREFUSED, "x"), P.CONNECT, K.REFUSED),
        (OSError(errno.ENETUNREACH, "x"), P.CONNECT, K.UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, "x"), P.CONNECT, K.UNREACHABLE),
        (OSError(errno.EACCES, "x"), P.CONNECT, K.UNREACHABLE),
        (OSError(errno.ECONNRESET, "x"), P.BODY, K.RESET),
        (OSError(errno.EPIPE, "x"), P.HEADERS, K.RESET),
        (OSError(errno.EMFILE, "x"), P.CONNECT, K.POOL_EXHAUSTED),
        (OSError("connection refused"), P.CONNECT, K.UNREACHABLE),
        (ConnectionResetError("no number"), P.CONNECT, K.RESET),
        (ConnectionAbortedError("no number"), P.CONNECT, K.RESET),
        (OSError(errno.EINVAL, "x"), P.CONNECT, K.UNREACHABLE),
        (OSError(errno.EINVAL, "x"), P.BODY, K.RESET),
        (RuntimeError("x"), P.BODY, K.RESET),
    ],
)
def test_classification(error: BaseException, phase: Phase, kind: FailureKind) -> None:
    assert classify(error, phase) is kind


def test_a_description_always_says_something() -> None:
    assert describe(TimeoutError()) == "TimeoutError"
    assert describe(OSError("x")) == "OSError: x"
