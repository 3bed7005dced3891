"""Is a whole answer with a 2xx status really a list of embeddings?

It owns that check (requirements C4). Rule: an answer has a non-empty `data`, and each item has an
`embedding` that is a non-empty base64 string or an array that begins with a number: Ollama has answered
with empty vectors and Text Embeddings Inference with nulls, and clients store
either. The rest of an array is proved to be JSON and never made into Python numbers, of which a thousand
vectors have a million and a half.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from msgspec.json import Decoder

from interlock_protocols.answers.answered import Answered, PlainUsage, answered, plain_tokens, tokens_of
from interlock_protocols.answers.whole_answer import malformed, read_answer
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.splice.text import read_usual


class _Vector(Struct, gc=False, array_like=True):
    """An array that begins with a number: what follows is more than its type asks for, so it is skipped."""

    first: float


class _PlainItem(Struct, gc=False):
    embedding: _Vector | Annotated[str, Meta(min_length=1)]


class _PlainAnswer(Struct, gc=False):
    """The usual answer, as a type: an error in any of its known places does not decode."""

    data: Annotated[list[_PlainItem], Meta(min_length=1)]
    usage: PlainUsage | None = None
    model: str | None = None
    error: None = None
    object: str | None = None
    type: None = None
    choices: None = None


_decode_plain: Final = Decoder(_PlainAnswer).decode


def check_embeddings(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Judge the whole body of a 2xx answer."""
    plain = read_usual(_decode_plain, body)
    if plain is None or plain.object == "error":
        return _check_any(status, content_type, body)
    return Answered(usage=plain_tokens(plain.usage), model=plain.model)


def _check_any(status: int, content_type: bytes | None, body: bytes) -> Answered | FailedAnswer:
    """Whatever the type of the usual answer does not describe; the two agree where both can read."""
    root = read_answer(status, content_type, body)
    if isinstance(root, FailedAnswer):
        return root
    data = root.get("data")
    if type(data) is not list or not data:
        return malformed(status, "no_embeddings", "a successful answer without embeddings")
    if not all(_has_embedding(item) for item in data):
        return malformed(status, "no_embeddings", "a successful answer with an item that has no embedding")
    return answered(root, tokens_of(root.get("usage")))


def _has_embedding(item: Any) -> bool:
    embedding = item.get("embedding") if type(item) is dict else None
    if type(embedding) is list and embedding:
        return type(embedding[0]) in (int, float)
    return type(embedding) is str and embedding != ""
