"""One response after another out of the bytes of a connection: fields that httptools fills by callbacks.

The rule kept: what follows a complete response is never read as the next one. Extra bytes mark the connection
as poisoned, and it is closed instead of reused; otherwise an upstream could answer the next caller's request
in advance. The rival, an object for each message as in h11, was dropped: it costs more than
all the rest of an exchange.
"""

import httptools

from interlock_upstream.errors import FailureKind
from interlock_upstream.limits import Limits

Headers = list[tuple[bytes, bytes]]
Failure = tuple[FailureKind, str, BaseException | None]

# What a piece costs beside its bytes (object head, list slot): without it, a million chunks of one byte look
# small.
_PIECE_COST = 40


class ResponseParser:
    """Parses responses; `begin` before each, `feed` for each read, then look at the public fields."""

    __slots__ = (
        "_bodyless", "_headers", "_in_message", "_limits", "_overhead", "_parser", "_pieces",
        "buffered", "done", "failure", "head_done", "headers", "keep_alive", "poisoned", "status",
        "untouched",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._headers: Headers = []
        self.keep_alive = True
        self._bodyless = False
        self.poisoned = False
        self.status = 0  # this and the headers mean something once `head_done` is set
        self.headers: Headers = []
        self.begin(bodyless=False)

    def begin(self, *, bodyless: bool) -> None:
        """Expect a response; `bodyless` when the request was a HEAD."""
        if self._bodyless:
            # The response to a HEAD may announce a body that never comes, and httptools would wait for it.
            self._parser = httptools.HttpResponseParser(self)
        self._bodyless = bodyless
        if self._headers:  # trailers of the response before
            self._headers = []
        if self._pieces:
            self._pieces = []
        self.buffered = 0
        self._overhead = 0
        self._in_message = False
        self.untouched = True
        self.head_done = False
        self.done = False
        self.failure: Failure | None = None

    def feed(self, data: bytes) -> None:
        """Parse what one read brought. What broke is left in `failure`; bytes too many set `poisoned`."""
        if self.done:
            self.poisoned = True
            return
        self.untouched = False
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(error)
            return
        if self._overhead > self._limits.max_header_bytes and not self.done:
            self.fail(FailureKind.HEADER_OVERFLOW, "too many bytes of head, chunk framing or trailers")

    def end(self) -> None:
        """The peer has ended its stream: a body delimited by that is complete, everything else is cut."""
        if self.done or self.failure is not None:
            return
        if self.head_done and self._ends_with_the_connection():
            self.done = True
        elif self.head_done or self._in_message or self.untouched:
            self.fail(FailureKind.CLOSED_EARLY, "the connection ended before the response did")
        else:
            self.fail(FailureKind.MALFORMED, "an interim response was the last one")

    def fail(self, kind: FailureKind, detail: str, cause: BaseException | None = None) -> None:
        """Note the first failure; later ones are its echo."""
        if self.failure is None:
            self.failure = (kind, detail, cause)

    def _refuse(self, error: Exception) -> None:
        if self.done:
            self.poisoned = True
        else:
            self.fail(FailureKind.MALFORMED, str(error), error)

    def _ends_with_the_connection(self) -> bool:
        framing = {
            name: value for name, value in self.headers if name in (b"content-length", b"transfer-encoding")
        }
        return b"content-length" not in framing and not framing.get(
            b"transfer-encoding", b""
        ).lower().endswith(b"chunked")

    # ------------------------------------------------------------------ called by httptools

    def on_message_begin(self) -> None:
        self._in_message = True
        if self.done:
            self.poisoned = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.done or self.failure is not None:
            return
        status = self._parser.get_status_code()
        headers = self._headers
        self._headers = []  # trailers must not turn up among the headers that were handed out
        if status < 200:
            if status < 100 or status == 101:
                self.fail(FailureKind.MALFORMED, f"status {status} was not asked for")
            return
        if self._overhead > self._limits.max_header_bytes and _size(headers) > self._limits.max_header_bytes:
            self.fail(FailureKind.HEADER_OVERFLOW, "too many bytes of head")
            return
        self._overhead = 0
        self.status = status
        self.headers = headers
        self.keep_alive = self._parser.should_keep_alive()
        self.head_done = True
        self.done = self._bodyless

    def on_body(self, body: bytes) -> None:
        if self.done:
            self.poisoned = True
            return
        self._pieces.append(body)
        self.buffered += len(body) + _PIECE_COST
        self._overhead = 0

    def on_message_complete(self) -> None:
        self._in_message = False
        if self.head_done:
            self.done = True


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)
