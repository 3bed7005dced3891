"""What an error inside a stream means (requirements D1), for the words that vendors' references name.

Rule: small on purpose. A word that is not here, or an error of another form than the documented ones, has no
class here, and nothing is compared.
"""

from typing import Any, Final

from interlock_domain.words import FailureClass

C: Final = FailureClass
WORDS: Final[dict[str | int, FailureClass]] = {
    "rate_limit_exceeded": C.RATE_LIMIT,
    "rate_limit_error": C.RATE_LIMIT,
    "insufficient_quota": C.BILLING,
    "slow_down": C.RAMP,
    "overloaded_error": C.OVERLOAD,
    "server_is_overloaded": C.OVERLOAD,
    "authentication_error": C.AUTH,
    "invalid_api_key": C.AUTH,
    "permission_error": C.PERMISSION,
    "model_not_found": C.NOT_FOUND,
    "invalid_request_error": C.CALLER_FAULT,
    "timeout_error": C.TIMEOUT,
    "server_error": C.SERVER_ERROR,
    "api_error": C.SERVER_ERROR,
    400: C.CALLER_FAULT,
    401: C.AUTH,
    408: C.TIMEOUT,
    422: C.CALLER_FAULT,
    429: C.RATE_LIMIT,
    500: C.SERVER_ERROR,
    502: C.DISCONNECT,
    503: C.SERVER_ERROR,
    504: C.TIMEOUT,
    529: C.OVERLOAD,
}


def class_of(error: Any) -> FailureClass | None:
    """The class of an error object that names one word, in `code` or in `type`; None: not told here."""
    if type(error) is not dict or not set(error) <= {"code", "type", "message", "param"}:
        return None
    words = [error[key] for key in ("code", "type") if error.get(key) not in (None, "error")]
    if len(words) != 1 or type(words[0]) not in (str, int):
        return None
    return WORDS.get(words[0])
