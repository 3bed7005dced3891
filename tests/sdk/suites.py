"""The cases of each SDK, of all modules that hold some."""

from typing import Final

from tests.sdk import (
    anthropic_faults,
    anthropic_messages,
    anthropic_more,
    anthropic_streams,
    openai_chat,
    openai_faults,
    openai_more,
    openai_responses,
    openai_streams,
)
from tests.sdk.case import Cases, joined

SUITES: Final[dict[str, Cases]] = {
    "openai": joined(
        openai_chat.case,
        openai_streams.case,
        openai_responses.case,
        openai_more.case,
        openai_faults.case,
    ),
    "anthropic": joined(
        anthropic_messages.case,
        anthropic_streams.case,
        anthropic_more.case,
        anthropic_faults.case,
    ),
}
