"""Ids, enums and reason codes: the glossary as types.

Every closed set that crosses a process border (events, rows, records, metrics, API answers) is
spelled here once. Values are wire format: a value never changes its meaning, and a removed one is
never reused, because logs outlive code.
"""

from enum import StrEnum
from typing import Final

ALL_SHAPES: Final = "*"
"""Pseudo-shape of evidence and cooldowns that hold for every shape of a target."""


class Shape(StrEnum):
    """The request trait set that failures are keyed by (requirements D3)."""

    TEXT = "text"
    TOOLS = "tools"
    VISION = "vision"
    TOOLS_VISION = "tools+vision"
    EMBEDDINGS = "embeddings"


class Api(StrEnum):
    """The client APIs a provider may speak; `messages` is the Anthropic style."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"


class FailureClass(StrEnum):
    """What an unsuccessful attempt means; effects are in health/classes.py (table D1)."""

    RATE_LIMIT = "rate_limit"
    RAMP = "ramp"
    OVERLOAD = "overload"
    SERVER_ERROR = "server_error"
    DISCONNECT = "disconnect"
    TIMEOUT = "timeout"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    NOT_FOUND = "not_found"
    PERMISSION = "permission"
    AUTH = "auth"
    BILLING = "billing"
    CONFLICT = "conflict"
    CALLER_FAULT = "caller_fault"
    CLIENT_ABORT = "client_abort"


class Phase(StrEnum):
    """How far an attempt had come when it failed."""

    CONNECT = "connect"
    HEADERS = "headers"
    PREAMBLE = "preamble"
    CONTENT = "content"


class Provenance(StrEnum):
    """Who says that a target must rest: our own judgement, the upstream, or an operator."""

    HEURISTIC = "heuristic"
    STATED = "stated"
    OPERATOR = "operator"


class AdminState(StrEnum):
    """What an operator wants; drained = no new requests, running ones finish."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    DRAINED = "drained"


class Eligibility(StrEnum):
    """May this candidate be called; ordered from best to worst (requirements A4)."""

    ELIGIBLE = "eligible"
    DEGRADED = "degraded"
    SOFT_EXCLUDED = "soft_excluded"
    HARD_EXCLUDED = "hard_excluded"


class Reason(StrEnum):
    """Why a candidate is not simply eligible: the closed reason codes of routing."""

    # soft: time or evidence brings the candidate back
    COOLDOWN_HEURISTIC = "cooldown_heuristic"
    COOLDOWN_STATED = "cooldown_stated"
    COOLDOWN_OPERATOR = "cooldown_operator"
    HALF_OPEN = "half_open"
    RAMPING = "ramping"
    LOCAL_BREAKER = "local_breaker"
    TARGET_OUT = "target_out"
    # degraded: may be called, but marked
    PROBE = "probe"
    CAP_HELD = "cap_held"
    # hard: somebody has to change something
    TARGET_DISABLED = "target_disabled"
    TARGET_DRAINED = "target_drained"
    PROVIDER_DISABLED = "provider_disabled"
    PROVIDER_DRAINED = "provider_drained"
    POOL_DISABLED = "pool_disabled"
    POOL_DRAINED = "pool_drained"
    MEMBER_DISABLED = "member_disabled"
    MEMBER_DRAINED = "member_drained"
    QUARANTINED = "quarantined"
    API_UNSUPPORTED = "api_unsupported"
    CAPABILITY_MISSING = "capability_missing"
    CONTEXT_WINDOW = "context_window"
    VERSION_FLOOR = "version_floor"
    TEMPLATE_FAILED = "template_failed"


class StrategyName(StrEnum):
    """How a pool orders its eligible candidates (requirements A1)."""

    PRIORITY_FAILOVER = "priority_failover"
    WEIGHTED_ROUND_ROBIN = "weighted_round_robin"
    WEIGHTED_RANDOM = "weighted_random"


class Result(StrEnum):
    """How a request ended, as its one terminal record says."""

    ANSWERED = "answered"
    UPSTREAM_REFUSED = "upstream_refused"
    """A non-retriable upstream answer was passed on with its own status."""
    NO_TARGET = "no_target"
    EXHAUSTED = "exhausted"
    DEADLINE = "deadline"
    BROKEN = "broken"
    """A stream failed after its first content: in-band error, then abort."""
    CLIENT_ABORT = "client_abort"
    SHUTDOWN = "shutdown"
    REFUSED = "refused"
    """The gateway refused the request itself, before any decision; counted, and not recorded."""


class Outcome(StrEnum):
    """How one attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    """The client left, the gateway stopped, or the answer did not continue the one that the client was shown:
    says nothing about the target."""
    LOST = "lost"
    """Another attempt of the same request had content first: says nothing about the target."""


class SkipReason(StrEnum):
    """Why a planned candidate or a possible retry was not attempted."""

    DEADLINE = "deadline"
    MAX_TARGETS = "max_targets"
    RETRY_BUDGET = "retry_budget"
    NOT_RETRIABLE = "not_retriable"
    COMMITTED = "committed"
    LOCAL_BREAKER = "local_breaker"
    NOT_RESUMABLE = "not_resumable"
    """The stream had begun, and what the client was shown of it cannot be continued there."""
    CONTEXT_WINDOW = "context_window"
    """The prompt was too long for one target, and this one declares no larger window."""


class Unhedged(StrEnum):
    """Why no second target raced a stream that was slow to its first content (requirements C7)."""

    DISABLED = "disabled"
    FEW_SAMPLES = "few_samples"
    """This worker has measured too few streams of the target to know what is slow; counted as one begins."""
    PROBE = "probe"
    MAX_TARGETS = "max_targets"
    FEW_IDLE = "few_idle"
    TIER = "tier"
    """Only paid targets are left, and the slow one is free."""
    WIN_RATE = "win_rate"
    RETRY_BUDGET = "retry_budget"
    HEDGE_BUDGET = "hedge_budget"


class EffectKind(StrEnum):
    """What the fold observed (interlock.transitions.v1)."""

    COOLDOWN_OPENED = "CooldownOpened"
    COOLDOWN_EXTENDED = "CooldownExtended"
    COOLDOWN_ENDED = "CooldownEnded"
    TARGET_OUT = "TargetOut"
    TARGET_BACK = "TargetBack"
    CREDENTIAL_SUSPECT = "CredentialSuspect"
    CREDENTIAL_PROVED = "CredentialProved"
    """A recheck of a quarantined credential succeeded; the control plane releases it."""
    PROBE_WINDOW_OPENED = "ProbeWindowOpened"
    RAMP_STARTED = "RampStarted"
    RAMP_ENDED = "RampEnded"
    QUORUM_MISSING = "QuorumMissing"
    GATEWAY_LOST = "GatewayLost"
    STATE_EXPIRED = "StateExpired"
    """An operator's state reached its expiry and fell back to enabled."""


class EndedWhy(StrEnum):
    """Why a cooldown is over."""

    EXPIRED = "expired"
    SUCCESS = "success"
    OPERATOR = "operator"
    REDEFINED = "redefined"
