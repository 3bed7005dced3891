"""Is a whole answer of the Anthropic API with a 2xx status really one? Messages, and token counts.

It owns the check of errors wrapped in success (requirements C4) and the meaning of this API's token numbers.
Rule: a message says so in its `type` and has a list of content, which may be empty; a count has a whole
number; anything else is a failure of the attempt. The check of chat answers under other field names was
dropped: the answer of a provider that speaks another API than configured would pass it.
"""

from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.json import Decoder

from interlock_protocols.answers.answered import Answered, Count, Tokens, answered, count_of
from interlock_protocols.answers.whole_answer import malformed, read_answer
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.splice.text import read_usual

INPUT_COUNTS: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""The prompt, with what the cache took and gave: "Total input tokens in a request is the summation of" these
three (Anthropic's reference, Usage). OpenAI's `prompt_tokens` has the cached ones in it too, so the numbers
of both APIs mean the same."""

COUNTS: Final = (*INPUT_COUNTS, "output_tokens")


class _Block(Struct, gc=False):
    """A content block, of which nothing is read."""


class _PlainUsage(Struct, gc=False):
    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens: Count | None = None


class _PlainMessage(Struct, gc=False):
    """The usual answer, as a type: an error in any of its known places does not decode."""

    type: Literal["message"]
    content: list[_Block]
    usage: _PlainUsage | None = None
    model: str | None = None
    error: None = None
    object: None = None
    choices: None = None


class _PlainCount(Struct, gc=False):
    """The usual count, as a type."""

    input_tokens: Count
    error: None = None
    type: None = None
    object: None = None
    choices: None = None


_decode_message: Final = Decoder(_PlainMessage).decode
_decode_count: Final = Decoder(_PlainCount).decode


def check_message(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Judge the whole body of a 2xx answer to a request without a stream."""
    plain = read_usual(_decode_message, body)
    if plain is None:
        return _check_any_message(status, content_type, body)
    usage = plain.usage
    return Answered(usage=None if usage is None else _plain_tokens(usage), model=plain.model)


def check_count(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Judge the whole body of a 2xx answer to count_tokens. A count is no usage: nothing was consumed."""
    if read_usual(_decode_count, body) is None:
        return _check_any_count(status, content_type, body)
    return Answered()


def message_tokens(usage: Any) -> Tokens | None:
    """The token numbers of a `usage` object; anything but counts is left out."""
    if type(usage) is not dict:
        return None
    counted = [count for name in INPUT_COUNTS if (count := count_of(usage.get(name))) is not None]
    return (sum(counted) if counted else None, count_of(usage.get("output_tokens")))


def _plain_tokens(usage: _PlainUsage) -> Tokens:
    read, written, plain = (
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
        usage.input_tokens,
    )
    if read is None and written is None:
        return plain, usage.output_tokens
    return (plain or 0) + (written or 0) + (read or 0), usage.output_tokens


def _check_any_message(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Whatever the type of the usual answer does not describe; the two agree where both can read."""
    root = read_answer(status, content_type, body)
    if isinstance(root, FailedAnswer):
        return root
    if root.get("type") != "message" or type(root.get("content")) is not list:
        return malformed(status, "no_message", "a successful answer that is no message")
    return answered(root, message_tokens(root.get("usage")))


def _check_any_count(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    root = read_answer(status, content_type, body)
    if isinstance(root, FailedAnswer):
        return root
    if count_of(root.get("input_tokens")) is None:
        return malformed(status, "no_count", "a successful answer without a count of tokens")
    return Answered()
