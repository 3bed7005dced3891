"""One client API as a value: what the gateway needs to serve it, and nothing of how it is served.

Rule: the gateway knows no API by name; whatever differs between them is a field here or a method of its
scanner. A class for each API with the whole request in it was dropped: the walk, the limits and the books
are the same for all, and are where mistakes cost most.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from interlock_domain.words import Api
from interlock_protocols.answers.answered import Answered
from interlock_protocols.continuing.joiner import Joiner
from interlock_protocols.continuing.prefill import MakePrefill
from interlock_protocols.errors import KEY_WORDS, KeyWords, OwnError
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.requests.bad_request import BadRequest
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.streams.scanner import EventScanner


class NewScanner(Protocol):
    """Makes the state of one stream."""

    def __call__(self, *, hold_events: int, hold_bytes: int) -> EventScanner: ...


class ErrorForm(Struct, frozen=True):
    """How the errors of our own look in one family of APIs, and what it says of a caller's key."""

    body: Callable[[OwnError], bytes]
    key_words: KeyWords


class Surface(Struct, frozen=True, kw_only=True):
    """One client API on one path.

    `path` is ours, `upstream_path` follows a provider's base URL. `check` judges a whole answer with a 2xx:
    its status, content type and body. `scanner` None: this path is never streamed. `evidence` False: how an
    attempt ends says nothing of how the target answers, so nothing is learnt from it. `windowed` False: its
    prompt may be longer than a context window.
    """

    api: Api
    path: str
    upstream_path: bytes
    read: Callable[[bytes], InferenceRequest | BadRequest]
    check: Callable[[int, bytes | None, bytes], Answered | FailedAnswer]
    error_body: Callable[[OwnError], bytes]
    key_words: KeyWords = KEY_WORDS
    scanner: NewScanner | None = None
    evidence: bool = True
    windowed: bool = True
    joiner: Callable[[], Joiner] | None = None
    """How another answer continues one that broke; None: a stream of this API cannot be continued."""
    prefill: MakePrefill | None = None
    """How the rest of an answer is asked for; None: this API has no form for it."""
