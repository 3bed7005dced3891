"""The error codes that decide more than their status does, each with the vendor that documents it.

It owns the tables only; `classify` applies them. Rule: a code stands here when its vendor's reference
names it (or, marked so, when public reports show the bytes), and codes are compared in lower case. Guessing
from message text was dropped: wording changes without notice, codes are contracts. The exceptions, sentences
of vendors that send no code, are named as such below; `retry_after` has those that state a wait.

Sources, read in October 2026: OpenAI guides/error-codes and openai-python's ResponseError; Anthropic
api/errors; OpenRouter api/reference/errors-and-debugging (its `error_type` table); Google
generate-content/api-errors and rpc/error_details.proto; Azure OpenAI reference and content-filter page;
Bedrock troubleshooting-api-error-codes; the error-code pages of Groq, Mistral, Together, Fireworks and
DeepSeek; vLLM, llama.cpp, Ollama and text-generation-inference as their servers write them.
"""

from typing import Final, NamedTuple

from interlock_domain.words import FailureClass

BILLING: Final = frozenset(
    {
        # OpenAI, guides/error-codes: 429, type insufficient_quota with one of these codes
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "project_spend_limit_exceeded",
        "usage_limit_exceeded",
        # OpenAI, older accounts
        "billing_hard_limit_reached",
        "billing_not_active",
        # Anthropic, api/errors: 402, and 429 without Retry-After whose details.error_code says so
        "billing_error",
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        # Moonshot, 429 with this type
        "exceeded_current_quota_error",
        # Alibaba Model Studio, 400: overdue payment
        "arrearage",
    }
)

BILLING_TEXT: Final = (
    "Your credit balance is too low",
    "You have reached your specified API usage limits",
    "You have reached your specified workspace API usage limits",
)
"""How Anthropic begins a 400 of type invalid_request_error that is about money (api/errors documents the
latter two; the first is what accounts without credit get). No code tells them from a bad request. Only the
first words of a 400 count: a caller does not write those."""

RAMP: Final = frozenset({"slow_down", "ramp_limit_exceeded"})  # OpenAI 429 (503 once); Anthropic 429

CREDENTIAL: Final = frozenset(
    {
        "api_key_invalid",  # Google, ErrorInfo.reason of a 400
        # AWS, 400 and 403: the key, its signature or its time; AccessDeniedException is about the model
        "unrecognizedclientexception",
        "invalidclienttokenid",
        "invalidsignatureexception",
        "incompletesignature",
        "expiredtokenexception",
        "requestexpired",
    }
)

NOT_ALLOWED: Final = frozenset(
    {
        # Google 400: the model is not enabled for the project, its country or its billing
        "failed_precondition",
        # Fireworks 412: the account is suspended, or the model failed to load; OpenRouter's word for such
        "precondition_failed",
        # Bedrock 404: nobody has filled in the model's form for this account
        "ftuformnotfilled",
        "notauthorized",  # AWS 400
    }
)
"""Neither the request nor, for sure, the key: this target will not serve this account."""

QUOTA: Final = frozenset({"servicequotaexceededexception", "throttlingexception"})
"""Bedrock: the first comes with a 400, the second has since its early days come with both 400 and 429."""

LIMITED: Final = QUOTA | {
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limited",
    "too_many_requests",
    "resource_exhausted",
    "429",  # numeric: proxies that wrap an upstream's 429 into a 500 keep it as `code` (public reports)
}
"""A limit whose answer came as a 5xx."""

OVERLOAD: Final = frozenset(
    {
        "server_is_overloaded",  # OpenAI 503
        "overloaded_error",  # Anthropic 529
        "engine_overloaded_error",  # Moonshot
        "overloaded",  # Hugging Face text-generation-inference, error_type
        "unavailable",  # Google, status
        "model_capacity_exhausted",  # Google, ErrorInfo.reason (public reports)
        "service_unavailable",  # Mistral, Together
        "service_tier_capacity_exceeded",  # Mistral
        "provider_overloaded",  # OpenRouter, error_type
        "serviceunavailableexception",  # Bedrock
    }
)

UPSTREAM_FAULT: Final = frozenset(
    {
        "modelerrorexception",  # Bedrock 424: the model failed on the request
        "generation",  # text-generation-inference, error_type of a 424
    }
)

BUDGET_IN_FLIGHT: Final = frozenset({"in_flight_budget_exhausted", "openrouter_in_flight_budget"})
"""A 402 that passes by itself: OpenRouter counts what running requests may still cost (metadata.reason and
metadata.limit_source), and states a wait."""

BUDGET_TOO_SMALL: Final = frozenset({"weight_exceeds_budget"})
"""A 402 about this one request: it may cost more than the key is allowed at once (OpenRouter, reason)."""

MODEL_NOT_FOUND: Final = frozenset(
    {
        "model_not_found",  # OpenAI, Groq, Mistral
        "deploymentnotfound",  # Azure OpenAI
        "resourcenotfoundexception",  # Bedrock: the one resource of a call is its model
    }
)

# A 409 that means "somebody else holds it, try again": the openai client retries 409 as a lock timeout,
# Anthropic documents conflict_error as retriable.
LOCK: Final = frozenset({"lock_timeout", "conflict_error"})

CONTEXT_LENGTH: Final = frozenset(
    {
        "context_length_exceeded",  # OpenAI, Groq, OpenRouter
        "token_limit_exceeded",  # OpenRouter
        "max_tokens_exceeded",  # OpenRouter
        "exceed_context_size_error",  # llama.cpp, type of a 400 (500 at first)
    }
)
CONTEXT_LENGTH_TEXT: Final = (
    b"context length",  # vLLM, SGLang, OpenAI: "maximum context length is", "context length is only"
    b"context window",  # OpenAI Responses
    b"prompt is too long",  # Anthropic
    b"available context size",  # llama.cpp, before it had a type of its own
    b"exceeds the maximum number of tokens allowed",  # Google
    b"nput is too long for requested model",  # Bedrock
    b"`inputs` tokens + `max_new_tokens` must be",  # text-generation-inference; Together as a 403
)
"""Sentences of servers that send no code for it. They only open the way to a target that declares a larger
window, or show that a 403 is about the request; never a cooldown."""

CONTENT_POLICY: Final = frozenset(
    {
        "content_policy_violation",  # OpenAI, OpenRouter
        "moderation_blocked",  # OpenAI
        # OpenAI, guides/error-codes and Response.error: 400 or 403
        "bio_policy",
        "cyber_policy",
        "misalignment_policy_violation",
        "image_content_policy_violation",
        "refusal",  # OpenRouter, error_type
        "content_filter",  # Azure OpenAI
        "responsibleaipolicyviolation",  # Azure OpenAI, inner error
        "data_inspection_failed",  # Alibaba Model Studio
        "datainspectionfailed",
    }
)

CALLERS_OWN: Final = CONTEXT_LENGTH | CONTENT_POLICY


class Coded(NamedTuple):
    """An answer with one of these codes and one of these statuses is a failure of this class."""

    codes: frozenset[str]
    statuses: range
    failure: FailureClass


_ALL: Final = range(400, 600)
_OURS: Final = range(400, 500)
_THEIRS: Final = range(500, 600)

BY_CODE: Final = (
    Coded(BILLING, _ALL, FailureClass.BILLING),
    Coded(RAMP, _ALL, FailureClass.RAMP),
    Coded(BUDGET_TOO_SMALL, range(402, 403), FailureClass.CALLER_FAULT),
    Coded(BUDGET_IN_FLIGHT, range(402, 403), FailureClass.RATE_LIMIT),
    Coded(CREDENTIAL, range(400, 404), FailureClass.AUTH),
    Coded(QUOTA, range(400, 401), FailureClass.RATE_LIMIT),
    Coded(NOT_ALLOWED, _OURS, FailureClass.PERMISSION),
    Coded(UPSTREAM_FAULT, _OURS, FailureClass.SERVER_ERROR),
    # One caller's prompt must not cool a target for the others, whatever status a proxy gave its refusal.
    Coded(CALLERS_OWN, _THEIRS, FailureClass.CALLER_FAULT),
    Coded(LIMITED, _THEIRS, FailureClass.RATE_LIMIT),
)
"""The first row that fits decides, before the status does."""

IN_BAND: Final = {
    # An error inside a 200 has no status; its code or type stands in for one. Words that mean "something
    # failed here" (server_error, api_error) are left out: 500 is what no word at all stands for, and
    # OpenRouter puts the telling word beside them.
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "rate_limited": 429,
    "resource_exhausted": 429,
    "too_many_requests": 429,
    "throttlingexception": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "server_is_overloaded": 503,
    "provider_overloaded": 503,
    "service_unavailable": 503,
    "service_unavailable_error": 503,
    "unavailable": 503,
    "serviceunavailableexception": 503,
    "provider_unavailable": 502,
    "timeout": 504,
    "timeout_error": 504,
    "vector_store_timeout": 504,
    "deadline_exceeded": 504,
    "modeltimeoutexception": 408,
    "authentication": 401,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "unauthenticated": 401,
    "payment_required": 402,
    "billing_error": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "accessdeniedexception": 403,
    "not_found": 404,
    "not_found_error": 404,
    "model_not_found": 404,
    "conflict_error": 409,
    "precondition_failed": 412,
    "request_too_large": 413,
    "payload_too_large": 413,
    "unprocessable": 422,
    "modelerrorexception": 424,
    "invalid_request": 400,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "validationexception": 400,
    "failed_precondition": 400,
    "string_too_long": 400,
    "data_residency_mismatch": 400,
    "invalid_prompt": 400,
    "invalid_image": 400,
    "invalid_image_format": 400,
    "invalid_image_url": 400,
    "invalid_image_mode": 400,
    "invalid_base64_image": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "image_parse_error": 400,
    "image_file_too_large": 400,
    "image_file_not_found": 400,
    "image_not_found": 400,
    "image_download_failed": 400,
    "empty_image_file": 400,
    "failed_to_download_image": 400,
    "unsupported_image_media_type": 400,
    "unsupported_image_format": 400,
    **dict.fromkeys(CALLERS_OWN, 400),
}

BY_STATUS: Final = {
    401: FailureClass.AUTH,
    408: FailureClass.TIMEOUT,
    429: FailureClass.RATE_LIMIT,
    502: FailureClass.DISCONNECT,
    504: FailureClass.TIMEOUT,
    529: FailureClass.OVERLOAD,
}
"""Statuses that mean one thing whatever the body says; the rest is decided in `classify`."""

WAITS: Final = frozenset({429, 503, 529})
"""Statuses whose body may state a wait where no header does."""
