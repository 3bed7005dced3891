"""Is a whole answer of the Responses API with a 2xx status really one?

It owns the check of errors wrapped in success (requirements C4) and what this API's token numbers mean.
Rule: a response says so in its `object` and has a status; `failed` is a failure whatever else it says,
while an incomplete response is an answer, and so is one that only begins (`background`). The demand for
output was dropped: a response in the queue has none, and one that spent all its tokens on reasoning may
have none either.
"""

from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.json import Decoder

from interlock_protocols.answers.answered import Answered, Count, Tokens, answered, count_of
from interlock_protocols.answers.whole_answer import malformed, read_answer
from interlock_protocols.failures.classify import classify_in_band
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.splice.text import read_usual

FAILED: Final = "failed"
"""The one status that means no answer (OpenAI's reference, Response.status)."""


class _PlainUsage(Struct, gc=False):
    input_tokens: Count | None = None
    output_tokens: Count | None = None


class _PlainAnswer(Struct, gc=False):
    """The usual answer, as a type: an error in any of its known places does not decode."""

    object: Literal["response"]
    status: Literal["completed", "incomplete"]
    usage: _PlainUsage | None = None
    model: str | None = None
    error: None = None
    type: None = None
    choices: None = None


_decode_plain: Final = Decoder(_PlainAnswer).decode


def check_response(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Judge the whole body of a 2xx answer to a request without a stream."""
    plain = read_usual(_decode_plain, body)
    if plain is None:
        return _check_any(status, content_type, body)
    usage = plain.usage
    return Answered(
        usage=None if usage is None else (usage.input_tokens, usage.output_tokens), model=plain.model
    )


def _check_any(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Whatever the type of the usual answer does not describe; the two agree where both can read."""
    root = read_answer(status, content_type, body)
    if isinstance(root, FailedAnswer):
        return root
    state = root.get("status")
    if root.get("object") != "response" or type(state) is not str:
        return malformed(status, "no_response", "a successful answer that is no response")
    if state == FAILED:
        return classify_in_band(root)
    return answered(root, response_tokens(root.get("usage")))


def response_tokens(usage: Any) -> Tokens | None:
    """The token numbers of a `usage` object; anything but counts is left out."""
    if type(usage) is not dict:
        return None
    return count_of(usage.get("input_tokens")), count_of(usage.get("output_tokens"))
