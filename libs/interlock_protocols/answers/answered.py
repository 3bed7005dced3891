"""An answer that is one, and what its token numbers may be.

Rule: a count is a whole number that every reader of a record can hold; anything else is left out, since it
is no reason to refuse an answer that somebody can read.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

Tokens = tuple[int | None, int | None]
"""Prompt and completion tokens, as the upstream counted them."""

MOST: Final = 1 << 53
"""More is no count of tokens, and no number that every reader of a record can hold."""

Count = Annotated[int, Meta(ge=0, le=MOST)]


class PlainUsage(Struct, gc=False):
    """The usual `usage` of the OpenAI style APIs but Responses."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None


class Answered(Struct, frozen=True, kw_only=True):
    """A whole answer that is one. `model` is the upstream's own value."""

    usage: Tokens | None = None
    model: str | None = None


def count_of(value: Any) -> int | None:
    """A count of tokens; None: it is none."""
    return value if type(value) is int and 0 <= value <= MOST else None


def plain_tokens(usage: PlainUsage | None) -> Tokens | None:
    """The token numbers of a usual `usage`."""
    return None if usage is None else (usage.prompt_tokens, usage.completion_tokens)


def tokens_of(usage: Any) -> Tokens | None:
    """The token numbers of any `usage` object; anything but counts is left out."""
    if type(usage) is not dict:
        return None
    return count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens"))


def answered(root: dict[str, Any], usage: Tokens | None) -> Answered:
    """The answer that an object is, once its API's check has passed it."""
    model = root.get("model")
    return Answered(usage=usage, model=model if type(model) is str else None)
