"""What a stream scanner says about each chunk, and about the stream as a whole.

It owns the words that all client APIs share, so that the gateway relays every API by one loop. Rule:
closed enums of singletons: a verdict costs no allocation. Booleans on the scanner were dropped: four of
them have sixteen states, and the relay would have to know which cannot be.
"""

from enum import Enum


class Verdict(Enum):
    """What to do after a chunk; what may go out is in `EventScanner.out`."""

    HOLD = "hold"
    """Still preamble: nothing goes out."""
    COMMIT = "commit"
    """First content, or too much preamble to hold: from here on bytes reach the client."""
    PASS = "pass"
    ERROR = "error"
    """The upstream reported an error, or ended the stream without an answer; see `EventScanner.error`."""
    MALFORMED = "malformed"
    """An event that no client could read; see `EventScanner.error`."""


class End(Enum):
    """What a stream was worth once its bytes have ended."""

    COMPLETE = "complete"
    MISSING_DONE = "missing_done"
    """The answer is whole, only its last event is missing: append `EventScanner.last_event`."""
    TRUNCATED = "truncated"
    EMPTY = "empty"
    """Not one event came."""
