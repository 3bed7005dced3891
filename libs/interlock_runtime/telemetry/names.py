"""What spans, their attributes and the exported metrics are called: the one place that spells them.

Rule: a name of somebody else's vocabulary stands here with the version that it was taken from, and both are
pinned, because the GenAI conventions are still in development and rename things. What no convention names yet
(pools, targets, attempts of a gateway) is ours, below `router.`; when a gateway namespace is agreed, it is
mapped here. Importing the constants of the semantic-conventions package was dropped: they move with every
release, and a gateway without an exporter would have to have them.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
LATEST_WANTED: Final = "gen_ai_latest_experimental"


class Conventions(Struct, frozen=True, kw_only=True):
    """What differs between the two versions that we speak; None: this version has no such name."""

    schema_url: str
    provider: str
    stream: str | None
    time_to_first_chunk: str | None
    client_first_chunk: str | None
    """The metric of an attempt; the server's own is the same in both."""


V1_36: Final = Conventions(
    schema_url="https://opentelemetry.io/schemas/1.36.0",
    provider="gen_ai.system",
    stream=None,
    time_to_first_chunk=None,
    client_first_chunk=None,
)
"""What an instrumentation says unless it is asked for more: so the conventions want their renames to go."""

V1_44: Final = Conventions(
    schema_url="https://opentelemetry.io/schemas/1.44.0",
    provider="gen_ai.provider.name",
    stream="gen_ai.request.stream",
    time_to_first_chunk="gen_ai.response.time_to_first_chunk",
    client_first_chunk="gen_ai.client.operation.time_to_first_chunk",
)
"""The newest that these names were compared with."""

OPERATION: Final = "gen_ai.operation.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"

ERROR_TYPE: Final = "error.type"
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"
HTTP_RESEND: Final = "http.request.resend_count"
URL_PATH: Final = "url.path"
URL_SCHEME: Final = "url.scheme"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION: Final = "messaging.operation.type"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_BATCH: Final = "messaging.batch.message_count"
SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE: Final = "service.instance.id"
SERVICE_VERSION: Final = "service.version"

SERVER_DURATION: Final = "gen_ai.server.request.duration"
SERVER_FIRST_TOKEN: Final = "gen_ai.server.time_to_first_token"
CLIENT_DURATION: Final = "gen_ai.client.operation.duration"
CLIENT_TOKENS: Final = "gen_ai.client.token.usage"

DURATION_BUCKETS: Final = tuple(0.01 * 2**n for n in range(14))
"""Seconds, 0.01 doubling to 81.92, as the conventions ask."""
FIRST_TOKEN_BUCKETS: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
TOKEN_BUCKETS: Final = tuple(float(4**n) for n in range(14))

ROUTER_REQUEST: Final = "router.request.id"
ROUTER_POOL: Final = "router.pool"
ROUTER_SNAPSHOT: Final = "router.snapshot"
ROUTER_RESULT: Final = "router.result"
ROUTER_REASON: Final = "router.reason"
ROUTER_ATTEMPTS: Final = "router.attempts"
ROUTER_FALLBACK: Final = "router.fallback"
ROUTER_TARGET: Final = "router.target"
ROUTER_OUTCOME: Final = "router.attempt.outcome"
ROUTER_NUMBER: Final = "router.attempt.number"
ROUTER_PHASE: Final = "router.attempt.phase"
ROUTER_PROBE: Final = "router.attempt.probe"
ROUTER_HEDGE: Final = "router.attempt.hedge"
ROUTER_POSITION: Final = "router.log.position"
ROUTER_TRACED: Final = "router.log.traced_facts"

CHAT: Final = "chat"
TEXT_COMPLETION: Final = "text_completion"
EMBEDDINGS: Final = "embeddings"
OTHER: Final = "other"
"""A model that no configuration declares, where a name would be a label that clients invent."""

_HOSTS: Final = {
    "openai.azure.com": "azure.ai.openai",
    "openai.com": "openai",
    "anthropic.com": "anthropic",
    "amazonaws.com": "aws.bedrock",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "deepseek.com": "deepseek",
    "x.ai": "x_ai",
    "cohere.com": "cohere",
    "cohere.ai": "cohere",
    "perplexity.ai": "perplexity",
    "moonshot.ai": "moonshot_ai",
}


def conventions(environ: Mapping[str, str]) -> Conventions:
    """The version that the environment asks for."""
    wanted = {word.strip() for word in environ.get(OPT_IN, "").split(",")}
    return V1_44 if LATEST_WANTED in wanted else V1_36


def provider_name(name: str, host: str) -> str:
    """What the conventions call a provider, by its address; else what its operator calls it."""
    for ending, known in _HOSTS.items():
        if host == ending or host.endswith("." + ending):
            return known
    return name
