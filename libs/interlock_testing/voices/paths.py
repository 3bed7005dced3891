"""Which voice answers on which path.

Rule: the end of the path decides, longest first, so that any base URL does. Exact paths were dropped: a
provider's base URL may have a prefix of its own.
"""

from typing import Final

from interlock_domain.words import Api
from interlock_testing.voices.chat import Chat
from interlock_testing.voices.completions import Completions
from interlock_testing.voices.embeddings import Embeddings
from interlock_testing.voices.messages import CountTokens, Messages
from interlock_testing.voices.responses import Responses
from interlock_testing.voices.voice import Voice

PATHS: Final[tuple[tuple[str, Api, type[Voice]], ...]] = (
    ("/chat/completions", Api.CHAT, Chat),
    ("/completions", Api.COMPLETIONS, Completions),
    ("/responses", Api.RESPONSES, Responses),
    ("/messages/count_tokens", Api.MESSAGES, CountTokens),
    ("/messages", Api.MESSAGES, Messages),
    ("/embeddings", Api.EMBEDDINGS, Embeddings),
)


def api_of(path: str) -> Api | None:
    """The client API of a path without its query."""
    return next((api for end, api, _ in PATHS if path.endswith(end)), None)


def voice_of(path: str) -> type[Voice]:
    """The voice of a path that has one."""
    return next(voice for end, _, voice in PATHS if path.endswith(end))
