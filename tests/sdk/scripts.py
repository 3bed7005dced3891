"""What the provider does in each case, by the case's name; cases that are not named get a healthy answer.

Rule: both sides of a case meet the same script from its first answer on; the last one goes on for ever.
"""

from collections.abc import Mapping
from typing import Final

from interlock_testing.behaviour import At, Behaviour, Kind, fail, healthy, stall
from tests.sdk.failures import ANTHROPIC_REFUSALS, OPENAI_REFUSALS, STREAMED, anthropic_error, failures
from tests.sdk.faults import HELPED, STREAMS
from tests.sdk.literal import Answer, Script
from tests.sdk.literal_anthropic import MESSAGES
from tests.sdk.literal_openai import CHAT, RESPONSES

SLOW: Final = healthy(latency_ms=20_000)
"""Longer than any client here waits."""
LONG: Final = healthy(interval_ms=25, chunks=400)
"""A stream that nobody reads to its end."""
ONE_TOOL: Final = Behaviour(chunks=0, tool_calls=1)
TWO_TOOLS: Final = Behaviour(chunks=2, tool_calls=2)
THINKING: Final = Behaviour(thinking=3)
MANY: Final = Behaviour(chunks=100_000)

_OPENAI_HEADERS: Final = {
    "x-request-id": "req_of_the_vendor",
    "openai-processing-ms": "412",
    "openai-version": "2020-10-01",
    "openai-organization": "org-1",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-tokens": "1999990",
    "x-ratelimit-reset-tokens": "1m30.951s",
    "set-cookie": "__cf_bm=a; path=/; HttpOnly",
    "cf-ray": "8c1a-FRA",
    "strict-transport-security": "max-age=31536000",
    "x-future": "Grüße",
}
_ANTHROPIC_HEADERS: Final = {
    "anthropic-organization-id": "org-1",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-requests-reset": "2026-11-20T10:00:00Z",
    "anthropic-ratelimit-input-tokens-remaining": "399000",
    "cf-ray": "8c1a-FRA",
    "x-future": "a, b;c=d",
}


def _alone(answers: Mapping[str, Answer]) -> dict[str, Script]:
    return {name: (answer,) for name, answer in answers.items()}


OPENAI: Final[dict[str, Script]] = (
    failures(OPENAI_REFUSALS)
    | _alone(CHAT)
    | _alone(RESPONSES)
    | {"chat/run-tools": (ONE_TOOL, healthy())}
    | {f"broken-responses/{name}": (STREAMED[name],) for name in STREAMS}
    | {f"broken-responses-helper/{name}": (STREAMED[name],) for name in HELPED}
    | _alone(
        {
            "refused-responses/400": OPENAI_REFUSALS["400"],
            "refused-responses/500": fail(500),
            "chat/tools": ONE_TOOL,
            "chat/tools-parallel": TWO_TOOLS,
            "chat/tools-forbidden": TWO_TOOLS,
            "chat/tools-parsed": ONE_TOOL,
            "chat/thinking": THINKING,
            "chat/raw": Behaviour(headers=_OPENAI_HEADERS),
            "chat/streaming-response": Behaviour(headers=_OPENAI_HEADERS),
            "chat/big-answer": MANY,
            "chat/timeout": SLOW,
            "chat/aborted": SLOW,
            "chat/cancelled": SLOW,
            "chat/stream-cancelled": stall(At.CONTENT),
            "chat/stream": healthy(interval_ms=2),
            "chat/stream-empty": healthy(chunks=0),
            "chat/stream-no-sentinel": Behaviour(kind=Kind.NO_SENTINEL),
            "chat/stream-long": healthy(chunks=1_000),
            "chat/stream-tools": ONE_TOOL,
            "chat/stream-tools-parallel": TWO_TOOLS,
            "chat/stream-thinking": THINKING,
            "chat/stream-helper-tools": ONE_TOOL,
            "chat/stream-raw": Behaviour(headers=_OPENAI_HEADERS),
            "chat/stream-left": LONG,
            "chat/stream-left-with": LONG,
            "chat/stream-timeout": SLOW,
            "chat/stream-stalled": stall(At.CONTENT),
            "responses/tools": ONE_TOOL,
            "responses/tools-parallel": TWO_TOOLS,
            "responses/thinking": THINKING,
            "responses/raw": Behaviour(headers=_OPENAI_HEADERS),
            "responses/stream-tools": ONE_TOOL,
            "responses/stream-thinking": THINKING,
            "responses/stream-helper-tools-parallel": TWO_TOOLS,
            "responses/stream-raw": Behaviour(headers=_OPENAI_HEADERS),
            "responses/stream-left": LONG,
            "responses/timeout": SLOW,
            "completions/stream-left": LONG,
            "embeddings/raw": Behaviour(headers=_OPENAI_HEADERS),
            "keys/wrong": OPENAI_REFUSALS["401"],
            "models/unknown-model": OPENAI_REFUSALS["404"],
        }
    )
)

ANTHROPIC: Final[dict[str, Script]] = (
    failures(ANTHROPIC_REFUSALS)
    | _alone(MESSAGES)
    | {"beta/tool-runner": (ONE_TOOL, healthy())}
    | _alone(
        {
            "refused-count/400": ANTHROPIC_REFUSALS["400"],
            "refused-count/404": ANTHROPIC_REFUSALS["404"],
            "messages/tools": ONE_TOOL,
            "messages/tools-parallel": TWO_TOOLS,
            "messages/tools-forbidden": TWO_TOOLS,
            "messages/tools-of-the-vendor": TWO_TOOLS,
            "messages/thinking": THINKING,
            "messages/raw": Behaviour(headers=_ANTHROPIC_HEADERS),
            "messages/streaming-response": Behaviour(headers=_ANTHROPIC_HEADERS),
            "messages/big-answer": MANY,
            "messages/timeout": SLOW,
            "messages/aborted": SLOW,
            "messages/cancelled": SLOW,
            "messages/stream-cancelled": stall(At.CONTENT),
            "messages/stream": healthy(interval_ms=2),
            "messages/stream-empty": healthy(chunks=0),
            "messages/stream-no-sentinel": Behaviour(kind=Kind.NO_SENTINEL),
            "messages/stream-long": healthy(chunks=1_000),
            "messages/stream-tools": ONE_TOOL,
            "messages/stream-tools-parallel": TWO_TOOLS,
            "messages/stream-thinking": THINKING,
            "messages/stream-helper-thinking": THINKING,
            "messages/stream-helper-tools-parallel": TWO_TOOLS,
            "messages/stream-raw": Behaviour(headers=_ANTHROPIC_HEADERS),
            "messages/stream-left": LONG,
            "messages/stream-left-with": LONG,
            "messages/stream-timeout": SLOW,
            "messages/stream-stalled": stall(At.CONTENT),
            "count/raw": Behaviour(headers=_ANTHROPIC_HEADERS),
            "beta/unary": ONE_TOOL,
            "beta/stream-helper": TWO_TOOLS,
            "keys/wrong": ANTHROPIC_REFUSALS["401"],
            "models/unknown-model": fail(404, anthropic_error("not_found_error", "model: no-such-model")),
        }
    )
)

SCRIPTS: Final = {"openai": OPENAI, "anthropic": ANTHROPIC}
