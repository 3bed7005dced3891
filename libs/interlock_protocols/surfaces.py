"""All client APIs that a gateway serves, one value for each path."""

from typing import Final

from interlock_domain.words import Api
from interlock_protocols.chat import parse_chat
from interlock_protocols.chat_stream import ChatScanner
from interlock_protocols.errors import error_body
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

SURFACES: Final = (CHAT,)
