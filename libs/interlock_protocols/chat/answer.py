"""Is a whole answer with a 2xx status really a chat completion?

It owns the check of errors wrapped in success (requirements C4). Rule: a chat answer is a JSON object
with choices; anything else is a failure of the attempt, whatever the status says. Byte markers before
the parse were dropped: the parse costs 2 us for 600 bytes and also yields usage and model.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.json import Decoder

from interlock_protocols.answers.answered import Answered, PlainUsage, answered, plain_tokens, tokens_of
from interlock_protocols.answers.whole_answer import malformed, read_answer
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.splice.text import read_usual


class _PlainChoice(Struct, gc=False):
    finish_reason: str | None = None
    error: None = None


class _PlainAnswer(Struct, gc=False):
    """The usual answer, as a type: an error in any of its known places does not decode."""

    choices: Annotated[list[_PlainChoice], Meta(min_length=1)]
    usage: PlainUsage | None = None
    model: str | None = None
    error: None = None
    object: Literal["chat.completion"] | None = None
    type: None = None


_decode_plain: Final = Decoder(_PlainAnswer).decode


def check_chat(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Judge the whole body of a 2xx answer to a request without a stream."""
    plain = read_usual(_decode_plain, body)
    if plain is None:
        return _check_any(status, content_type, body)
    for choice in plain.choices:  # one is usual: a generator for `any` would cost more than the look
        if choice.finish_reason == "error":
            return _check_any(status, content_type, body)
    return Answered(usage=plain_tokens(plain.usage), model=plain.model)


def _check_any(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Whatever the type of the usual answer does not describe; the two agree where both can read."""
    root = read_answer(status, content_type, body)
    if isinstance(root, FailedAnswer):
        return root
    if not root.get("choices"):
        return malformed(status, "no_choices", "a successful answer without choices")
    return answered(root, tokens_of(root.get("usage")))
