"""Is a whole answer with a 2xx status really an answer? And may a 200 be read as a stream?

It owns the check of errors wrapped in success (requirements C4). Rule: a chat answer is a JSON object
with choices; anything else is a failure of the attempt, whatever the status says. Byte markers before
the parse were dropped: the parse costs 2 us for 600 bytes and also yields usage and model.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder

from interlock_protocols.answers.whole_answer import malformed, read_answer
from interlock_protocols.failures.failed_answer import FailedAnswer

Tokens = tuple[int | None, int | None]
"""Prompt and completion tokens, as the upstream counted them."""


class Answered(Struct, frozen=True, kw_only=True):
    """A whole answer that is one. `model` is the upstream's own value."""

    usage: Tokens | None = None
    model: str | None = None


def is_event_stream(content_type: bytes | None) -> bool:
    """Whether a 200 may be scanned as a stream; JSON and HTML may not (an SDK would read them as empty)."""
    return content_type is not None and content_type.lstrip().lower().startswith(b"text/event-stream")


class _PlainChoice(Struct, gc=False):
    finish_reason: str | None = None
    error: None = None


_MOST: Final = 1 << 53
"""More is no count of tokens, and no number that every reader of a record can hold."""

_Count = Annotated[int, Meta(ge=0, le=_MOST)]


class _PlainUsage(Struct, gc=False):
    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None


class _PlainAnswer(Struct, gc=False):
    """The usual answer, as a type: an error in any of its known places does not decode."""

    choices: Annotated[list[_PlainChoice], Meta(min_length=1)]
    usage: _PlainUsage | None = None
    model: str | None = None
    error: None = None
    object: Literal["chat.completion"] | None = None
    type: None = None


_decode_plain: Final = Decoder(_PlainAnswer).decode


def check_unary(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Judge the whole body of a 2xx answer to a request without a stream."""
    try:
        plain = _decode_plain(body)
        if not body.isascii():
            body.decode()  # the decoder skips what it does not keep, bad UTF-8 included
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return _check_any(status, content_type, body)
    if any(choice.finish_reason == "error" for choice in plain.choices):
        return _check_any(status, content_type, body)
    usage = plain.usage
    return Answered(
        usage=None if usage is None else (usage.prompt_tokens, usage.completion_tokens), model=plain.model
    )


def _check_any(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Whatever the type of the usual answer does not describe; the two agree where both can read."""
    root = read_answer(status, content_type, body)
    if isinstance(root, FailedAnswer):
        return root
    if not root.get("choices"):
        return malformed(status, "no_choices", "a successful answer without choices")
    model = root.get("model")
    return Answered(usage=tokens_of(root.get("usage")), model=model if type(model) is str else None)


def not_a_stream(status: int, judged: Answered | FailedAnswer) -> FailedAnswer:
    """The meaning of a 2xx that is no event stream although one was asked for; `judged` is its body."""
    if isinstance(judged, FailedAnswer):
        return judged
    return malformed(status, "not_a_stream", "a whole answer where a stream was asked for")


def tokens_of(usage: Any) -> Tokens | None:
    """The token numbers of a `usage` object; anything but counts is left out."""
    if type(usage) is not dict:
        return None
    return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST else None
