"""All client APIs that a gateway serves, one value for each path."""

from typing import Final

from interlock_domain.words import Api
from interlock_protocols import messages_errors
from interlock_protocols.chat import parse_chat
from interlock_protocols.chat_stream import ChatScanner
from interlock_protocols.completions import parse_completion
from interlock_protocols.completions_stream import CompletionScanner
from interlock_protocols.completions_unary import check_completion
from interlock_protocols.embeddings import parse_embeddings
from interlock_protocols.embeddings_unary import check_embeddings
from interlock_protocols.errors import error_body
from interlock_protocols.messages import parse_count, parse_messages
from interlock_protocols.messages_stream import MessagesScanner
from interlock_protocols.messages_unary import check_count, check_message
from interlock_protocols.responses import parse_responses
from interlock_protocols.responses_stream import ResponsesScanner
from interlock_protocols.responses_unary import check_response
from interlock_protocols.surface import Surface
from interlock_protocols.unary import check_unary

CHAT: Final = Surface(
    api=Api.CHAT,
    path="/v1/chat/completions",
    upstream_path=b"/chat/completions",
    read=parse_chat,
    check=check_unary,
    error_body=error_body,
    scanner=ChatScanner,
)

COMPLETIONS: Final = Surface(
    api=Api.COMPLETIONS,
    path="/v1/completions",
    upstream_path=b"/completions",
    read=parse_completion,
    check=check_completion,
    error_body=error_body,
    scanner=CompletionScanner,
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
)
COUNT_TOKENS: Final = Surface(
    api=Api.MESSAGES,
    path="/v1/messages/count_tokens",
    upstream_path=b"/v1/messages/count_tokens",
    read=parse_count,
    check=check_count,
    error_body=messages_errors.error_body,
    key_words=messages_errors.KEY_WORDS,
)

SURFACES: Final = (CHAT, RESPONSES, MESSAGES, COUNT_TOKENS, COMPLETIONS, EMBEDDINGS)
