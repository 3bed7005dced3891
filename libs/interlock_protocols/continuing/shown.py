"""What a client was shown of a stream so far, remembered so that another answer can continue it.

Rule: a stream pays for this only where its pool's policy asks for it, and then as little as may be: pieces
are kept as they were sent, and read 16 KiB at a time or when the stream breaks. What is kept for long are the
texts alone, a tenth of the bytes. Keeping the bytes to the end was dropped: a long answer would hold 20 MiB.
"""

from collections.abc import Iterable
from typing import Final

import orjson

from interlock_protocols.continuing.joiner import Joiner, Path, Said, events_of
from interlock_protocols.errors import OwnError
from interlock_protocols.streams.scanner import EventScanner

MAX_SHOWN: Final = 1024 * 1024
"""Characters that are remembered: 200,000 tokens, above the longest answers of today's models."""

READ_AT: Final = 16 * 1024
"""Bytes that wait to be read: some 80 events, read in a third of a millisecond."""


class Shown:
    """The memory of one client's stream. `sent` each piece that goes out, then `texts` when it breaks."""

    __slots__ = (
        "_counts", "_limit", "_size", "_texts", "_waiting", "_waiting_size", "joiner", "lost", "tokens",
    )  # fmt: skip

    def __init__(self, joiner: Joiner, *, limit: int = MAX_SHOWN) -> None:
        self.joiner = joiner
        self.lost = False
        """More was shown than is remembered, or something that cannot be read back."""
        self.tokens = 0
        """Tokens that were shown at the least, as of the last reading: each piece of text is one or more."""
        self._limit = limit
        self._size = 0
        self._texts: dict[Path, list[str]] = {}
        self._counts: dict[Path, int] = {}
        self._waiting: list[bytes] = []
        self._waiting_size = 0

    def sent(self, piece: bytes) -> None:
        """Whole events that went out to the client."""
        if self.lost:
            return
        self._waiting.append(piece)
        self._waiting_size += len(piece)
        if self._waiting_size > READ_AT:
            self._read()

    def texts(self) -> dict[Path, str] | None:
        """Everything the user was shown, by place; None: it is not known any more."""
        self._read()
        if self.lost:
            return None
        return {path: "".join(pieces) for path, pieces in self._texts.items()}

    def in_band(self, scanner: EventScanner, error: OwnError) -> bytes:
        """The error that ends the stream, as the client expects it after what it was shown."""
        self._read()
        return self.joiner.in_band(scanner, error)

    def _read(self) -> None:
        waiting = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        joiner = self.joiner
        try:
            for event in events_of(waiting):
                said = joiner.said(event)
                joiner.note(event, said)
                for each in numbered(said, self._counts):
                    self._texts.setdefault(each.path, []).append(each.text)
                    self._size += len(each.text)
                    self.tokens += not each.whole
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
            self._forget()  # too deep for a second look; nobody can say what the user was shown
        if self._size > self._limit:
            self._forget()

    def _forget(self) -> None:
        self.lost = True
        self._texts.clear()


def numbered(said: Iterable[Said], counts: dict[Path, int]) -> Iterable[Said]:
    """The same, but what counts as a whole has its number among those of its place: they never join up."""
    for each in said:
        if not each.whole:
            yield each
            continue
        n = counts.get(each.path, 0)
        counts[each.path] = n + 1
        yield Said((*each.path, n), each.text, True)
