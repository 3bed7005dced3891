"""The error codes that decide more than their status does, each with the vendor that documents it.

It owns the tables only; `classify` applies them. Rule: a code stands here when its vendor's reference
names it, and codes are compared in lower case. Guessing from message text was dropped: wording changes
without notice, codes are contracts. The two exceptions are named as such below.
"""

from typing import Final

from interlock_domain.words import FailureClass

BILLING: Final = frozenset(
    {
        # OpenAI, guides/error-codes: 429, type insufficient_quota with one of these codes
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "project_spend_limit_exceeded",
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

RAMP: Final = frozenset({"slow_down", "ramp_limit_exceeded"})  # OpenAI 429 (503 once); Anthropic 429

OVERLOAD: Final = frozenset(
    {
        "server_is_overloaded",  # OpenAI 503
        "overloaded_error",  # Anthropic 529
        "engine_overloaded_error",  # Moonshot
        "overloaded",  # Hugging Face text-generation-inference, error_type
        "unavailable",  # Google, status
        "service_unavailable",  # Mistral, Together
    }
)

# A 402 that passes by itself: OpenRouter counts what running requests may still cost, and states a wait.
BUDGET_IN_FLIGHT: Final = frozenset({"in_flight_budget_exhausted"})

MODEL_NOT_FOUND: Final = frozenset(
    {
        "model_not_found",  # OpenAI, Groq, Mistral
        "deploymentnotfound",  # Azure OpenAI
    }
)

# A 409 that means "somebody else holds it, try again": the openai client retries 409 as a lock timeout,
# Anthropic documents conflict_error as retriable.
LOCK: Final = frozenset({"lock_timeout", "conflict_error"})

CONTEXT_LENGTH: Final = frozenset(
    {
        "context_length_exceeded",  # OpenAI, OpenRouter
        "token_limit_exceeded",  # OpenRouter
        "exceed_context_size_error",  # llama.cpp, type
    }
)
# vLLM, SGLang and Anthropic send no code of their own for it: these are their sentences. They only open
# the way to a target that declares a larger window, never a cooldown.
CONTEXT_LENGTH_TEXT: Final = (b"maximum context length", b"prompt is too long", b"context window")

CONTENT_POLICY: Final = frozenset(
    {
        "content_policy_violation",  # OpenAI
        "moderation_blocked",  # OpenAI
        "content_filter",  # Azure OpenAI
        "responsibleaipolicyviolation",  # Azure OpenAI, inner error
        "data_inspection_failed",  # Alibaba Model Studio
        "datainspectionfailed",
    }
)

IN_BAND: Final = {
    # An error inside a 200 has no status; its code or type stands in for one.
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "rate_limited": 429,
    "resource_exhausted": 429,
    "overloaded_error": 529,
    "server_is_overloaded": 503,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "request_too_large": 413,
    "conflict_error": 409,
    "timeout_error": 504,
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
