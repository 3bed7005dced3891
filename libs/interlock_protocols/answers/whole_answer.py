"""The body of a 2xx answer as an object, or why it is none: what the checks of several APIs have in common.

It owns what no API takes for an answer (an empty body, no JSON, an error in any of the places where vendors
put one), and what a body is where a stream was asked for. Rule: this is the slow reading; each API has a type
for its usual answers and comes here with the rest.
"""

from typing import Any

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Answered
from interlock_protocols.failures.classify import classify_in_band
from interlock_protocols.failures.failed_answer import FailedAnswer, broken
from interlock_protocols.splice.text import NotJson, read_json


def read_answer(status: int, content_type: bytes | None, body: bytes) -> dict[str, Any] | FailedAnswer:
    """The object of an answer; JSON that is none reads as an empty one, which answers nothing."""
    try:
        root = read_json(body)
    except NotJson:
        return _no_json(status, content_type, body)
    error = _error_of(root)
    if error:
        return classify_in_band(error)
    return root if type(root) is dict else {}


def malformed(status: int, code: str, message: str) -> FailedAnswer:
    """The failure of an answer that lacks what its API promises; `code` is ours and stable."""
    return broken(FailureClass.MALFORMED, code, message, status=status)


def is_event_stream(content_type: bytes | None) -> bool:
    """Whether a 200 may be scanned as a stream; JSON and HTML may not (an SDK would read them as empty)."""
    return content_type is not None and content_type.lstrip().lower().startswith(b"text/event-stream")


def not_a_stream(status: int, judged: Answered | FailedAnswer) -> FailedAnswer:
    """The meaning of a 2xx that is no event stream although one was asked for; `judged` is its body."""
    if isinstance(judged, FailedAnswer):
        return judged
    return malformed(status, "not_a_stream", "a whole answer where a stream was asked for")


def _error_of(root: Any) -> Any:
    """The error an answer carries: at its root, in its first choice (OpenRouter), or as a bare envelope."""
    if type(root) is list:
        root = root[0] if root else None
    if type(root) is not dict:
        return None
    if root.get("error"):
        return root
    if root.get("object") == "error" or root.get("type") == "error":
        return root
    choices = root.get("choices")
    first = choices[0] if type(choices) is list and choices else None
    if type(first) is not dict:
        return None
    return first.get("error") or (first if first.get("finish_reason") == "error" else None)


def _no_json(status: int, content_type: bytes | None, body: bytes) -> FailedAnswer:
    if not body.strip():
        return malformed(status, "empty_body", "a successful answer with an empty body")
    kind = content_type.decode("latin-1")[:80] if content_type else "unknown type"
    return malformed(status, "not_json", f"a successful answer that is no JSON ({kind})")
