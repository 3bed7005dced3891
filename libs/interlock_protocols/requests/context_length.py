"""How many tokens a request's prompt has, at least: the estimate that context windows are compared with.

It owns the measure. Rule: it leans low, because a target whose window seems too small is left out without
being asked, while one that was asked in vain says so and another target follows. So only the prompt counts
(whether the tokens of the answer must fit too differs by upstream), media do not, and text is measured by
the longest tokens that natural text has. A tokeniser was dropped: each model has its own, the tables of
some are secret, and counting costs a hundred times as much as the rest of a decision.
"""

import re
from typing import Any, Final

import orjson

from interlock_domain.words import Api

BYTES_PER_TOKEN: Final = 6
"""Bytes of UTF-8 text. Measured with the vocabularies cl100k and o200k: Chinese 2.1-3.0, Japanese, Korean,
German, French and Spanish 2.7-3.8, JSON and HTML 3.5-4.6, English and Python 4.3-5.1, Russian 3.9-5.2. So
natural text never seems longer than it is; the estimate is between a third and
nine tenths of the true count."""

_LEAST_PER_ID: Final = 2
"""Bytes of a token id in a body: one digit and a comma."""

_PROMPT: Final = {
    Api.CHAT: ("messages", "tools", "functions"),
    Api.RESPONSES: ("instructions", "input", "tools"),
    Api.MESSAGES: ("system", "messages", "tools"),
    Api.COMPLETIONS: ("prompt",),
    Api.EMBEDDINGS: ("input",),
}
"""Where the prompt stands in a body. What an upstream keeps (`previous_response_id`) cannot be measured."""

_SEPARATE: Final = frozenset({Api.COMPLETIONS, Api.EMBEDDINGS})
"""APIs that take several prompts at once, as texts or token ids: each has a window of its own."""

_ENCODED: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]|(?:[A-Za-z0-9+/=_-]{64,76}[\r\n]{0,2}){4}")
"""How media begin: a data URL, or base64, in lines or in one. No text has so many such characters on end."""


def context_tokens(body: bytes, api: Api, *, window: int) -> int | None:
    """The estimate, where it may exceed the smallest window that was declared; None: it cannot.

    The size of the body says so for most requests, without a parse. `body` has been read by its API before.
    """
    least = _LEAST_PER_ID if api in _SEPARATE else BYTES_PER_TOKEN
    if len(body) <= least * window:
        return None
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    parts = [request.get(key) for key in _PROMPT[api]] if type(request) is dict else []
    if api in _SEPARATE:
        return max((_prompt_tokens(part) for part in parts), default=0)
    return _text_bytes(parts) // BYTES_PER_TOKEN


def _prompt_tokens(prompt: Any) -> int:
    """The longest of the prompts that one field holds: a text, token ids, or several of either."""
    if type(prompt) is not list:
        return _text_bytes([prompt]) // BYTES_PER_TOKEN
    if prompt and type(prompt[0]) is int:
        return len(prompt)
    return max((_one_prompt(each) for each in prompt), default=0)


def _one_prompt(prompt: Any) -> int:
    if type(prompt) is list and prompt and type(prompt[0]) is int:
        return len(prompt)
    return _text_bytes([prompt]) // BYTES_PER_TOKEN


def _text_bytes(parts: list[Any]) -> int:
    """The UTF-8 bytes of all texts in these values, however deep; names of fields are not counted."""
    found = 0
    while parts:
        part = parts.pop()
        if type(part) is str:
            if _ENCODED.match(part) is None:
                found += len(part) if part.isascii() else len(part.encode())
        elif type(part) is dict:
            parts.extend(part.values())
        elif type(part) is list:
            parts.extend(part)
    return found
