"""Is a whole answer with a 2xx status really a legacy completion?

It owns that check (requirements C4). Rule: an answer has choices, and each choice has its text, which may
be empty. Taking any choices for an answer was dropped: a server that puts a chat answer on this path has
no text in it, and a client of this API would show nothing.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from msgspec.json import Decoder

from interlock_protocols.answers.answered import Answered, PlainUsage, answered, plain_tokens, tokens_of
from interlock_protocols.answers.whole_answer import malformed, read_answer
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.splice.text import read_usual


class _PlainChoice(Struct, gc=False):
    text: str
    finish_reason: str | None = None
    error: None = None


class _PlainAnswer(Struct, gc=False):
    """The usual answer, as a type: an error in any of its known places does not decode."""

    choices: Annotated[list[_PlainChoice], Meta(min_length=1)]
    usage: PlainUsage | None = None
    model: str | None = None
    error: None = None
    object: Literal["text_completion"] | None = None
    type: None = None


_decode_plain: Final = Decoder(_PlainAnswer).decode


def check_completion(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Judge the whole body of a 2xx answer to a request without a stream."""
    plain = read_usual(_decode_plain, body)
    if plain is None or any(choice.finish_reason == "error" for choice in plain.choices):
        return _check_any(status, content_type, body)
    return Answered(usage=plain_tokens(plain.usage), model=plain.model)


def _check_any(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Whatever the type of the usual answer does not describe; the two agree where both can read."""
    root = read_answer(status, content_type, body)
    if isinstance(root, FailedAnswer):
        return root
    choices = root.get("choices")
    if type(choices) is not list or not choices:
        return malformed(status, "no_choices", "a successful answer without choices")
    if not all(_has_text(choice) for choice in choices):
        return malformed(status, "no_text", "a successful answer with a choice that has no text")
    return answered(root, tokens_of(root.get("usage")))


def _has_text(choice: Any) -> bool:
    return type(choice) is dict and type(choice.get("text")) is str
