"""All client APIs that a gateway serves, one value for each path; and the form of errors on other paths."""

from collections.abc import Iterable
from typing import Final

from interlock_domain.words import Api
from interlock_protocols.chat.answer import check_chat
from interlock_protocols.chat.request import parse_chat
from interlock_protocols.chat.scanner import ChatScanner
from interlock_protocols.choices.joiner import ChatJoiner, CompletionJoiner
from interlock_protocols.completions.answer import check_completion
from interlock_protocols.completions.request import parse_completion
from interlock_protocols.completions.scanner import CompletionScanner
from interlock_protocols.continuing.prefill import prefill_chat, prefill_completion, prefill_messages
from interlock_protocols.embeddings.answer import check_embeddings
from interlock_protocols.embeddings.request import parse_embeddings
from interlock_protocols.errors import KEY_WORDS, error_body
from interlock_protocols.messages import errors as messages_errors
from interlock_protocols.messages.answer import check_count, check_message
from interlock_protocols.messages.joiner import MessagesJoiner
from interlock_protocols.messages.request import parse_count, parse_messages
from interlock_protocols.messages.scanner import MessagesScanner
from interlock_protocols.responses.answer import check_response
from interlock_protocols.responses.joiner import ResponsesJoiner
from interlock_protocols.responses.request import parse_responses
from interlock_protocols.responses.scanner import ResponsesScanner
from interlock_protocols.surface import ErrorForm, Surface

CHAT: Final = Surface(
    api=Api.CHAT,
    path="/v1/chat/completions",
    upstream_path=b"/chat/completions",
    read=parse_chat,
    check=check_chat,
    error_body=error_body,
    scanner=ChatScanner,
    joiner=ChatJoiner,
    prefill=prefill_chat,
)

COMPLETIONS: Final = Surface(
    api=Api.COMPLETIONS,
    path="/v1/completions",
    upstream_path=b"/completions",
    read=parse_completion,
    check=check_completion,
    error_body=error_body,
    scanner=CompletionScanner,
    joiner=CompletionJoiner,
    prefill=prefill_completion,
)
EMBEDDINGS: Final = Surface(
    api=Api.EMBEDDINGS,
    path="/v1/embeddings",
    upstream_path=b"/embeddings",
    read=parse_embeddings,
    check=check_embeddings,
    error_body=error_body,
)
RESPONSES: Final = Surface(
    api=Api.RESPONSES,
    path="/v1/responses",
    upstream_path=b"/responses",
    read=parse_responses,
    check=check_response,
    error_body=error_body,
    scanner=ResponsesScanner,
    joiner=ResponsesJoiner,
)
# The base URL of a provider of this style ends before /v1 (interfaces).
MESSAGES: Final = Surface(
    api=Api.MESSAGES,
    path="/v1/messages",
    upstream_path=b"/v1/messages",
    read=parse_messages,
    check=check_message,
    error_body=messages_errors.error_body,
    key_words=messages_errors.KEY_WORDS,
    scanner=MessagesScanner,
    joiner=MessagesJoiner,
    prefill=prefill_messages,
)
COUNT_TOKENS: Final = Surface(
    api=Api.MESSAGES,
    path="/v1/messages/count_tokens",
    upstream_path=b"/v1/messages/count_tokens",
    read=parse_count,
    check=check_count,
    error_body=messages_errors.error_body,
    key_words=messages_errors.KEY_WORDS,
    # Answered by another part of the vendor's house, mostly from memory: it is well when messages are not.
    evidence=False,
    windowed=False,
)

SURFACES: Final = (CHAT, RESPONSES, MESSAGES, COUNT_TOKENS, COMPLETIONS, EMBEDDINGS)

OPENAI_ERRORS: Final = ErrorForm(error_body, KEY_WORDS)
ANTHROPIC_ERRORS: Final = ErrorForm(messages_errors.error_body, messages_errors.KEY_WORDS)


def errors_of(path: str, headers: Iterable[tuple[bytes, bytes]]) -> ErrorForm:
    """The form that the caller of a path reads, served or not; header names in lower case.

    Both vendors have `/v1/models` and paths that are not served here: there a header tells the anthropic
    client, which sends its version with every request.
    """
    if path == MESSAGES.path or path.startswith(MESSAGES.path + "/"):
        return ANTHROPIC_ERRORS
    if path not in _OPENAI_PATHS and any(name == b"anthropic-version" for name, _ in headers):
        return ANTHROPIC_ERRORS
    return OPENAI_ERRORS


_OPENAI_PATHS: Final = frozenset(surface.path for surface in SURFACES if surface.error_body is error_body)
