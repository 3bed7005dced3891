"""Fuzz targets of interlock_protocols: scanners, request readers, the checks of whole answers, error bodies.

Promises beside "no exception leaves": a scanner agrees with its reference; a body whose model's name was
replaced is the same body with another name; a verdict on an error has a class, and a wait within its bounds.
"""

import json
import random
import re
from collections.abc import Hashable, Iterable
from typing import Any, Final

import orjson

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Answered
from interlock_protocols.errors import OwnError
from interlock_protocols.failures.classify import classify_answer, classify_in_band
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.failures.retry_after import MAX_MS, retry_after_ms
from interlock_protocols.requests.bad_request import BadRequest
from interlock_protocols.splice.model_name import with_model
from interlock_protocols.splice.text import NotJson, read_json
from interlock_protocols.surface import Surface
from interlock_protocols.surfaces import SURFACES
from interlock_testing.behaviour import Behaviour
from interlock_testing.voices.asked import read_asked
from interlock_testing.voices.paths import voice_of
from tests.drills.rig.fuzz_input import Target, control, cut, demand, with_control
from tests.drills.rig.fuzz_words import HTTP_WORDS, JSON_WORDS, SSE_WORDS
from tests.reference.differential import SIDES, compared, drawn
from tests.reference.grammar import Stream

NAME: Final = "acme/other-model"
SCHEMA: Final[dict[str, Any]] = {
    "properties": {"a": {"type": ["string", "null"]}, "b": {"$ref": "#/$defs/x"}, "c": {"anyOf": [{}, None]}},
    "$defs": {"x": {"items": {"enum": [1, None]}}},
}
TOOLS: Final[list[dict[str, Any]]] = [
    {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
    {"type": "function", "name": "g", "parameters": SCHEMA},
    {"name": "h", "input_schema": {**SCHEMA, "type": "object"}},
]
REQUESTS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "chat", "messages": [{"role": "user", "content": "hi"}], "stream": True},
    {"model": "a/b", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
    {"model": "c", "input": "hi", "messages": [], "max_tokens": 1, "tools": TOOLS},
    {"model": "d", "input": [{"role": "user", "content": [{"type": "input_image"}]}], "stream": False},
    {"model": "e", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "image"}]}]},
    {"model": "f", "prompt": ["a", "b"], "stream": None, "functions": [{"name": "f", "parameters": SCHEMA}]},
    {"model": "g", "input": [[1, 2, 3]], "encoding_format": "base64"},
    {"messages": [], "nested": {"model": "in"}, "model": 'q"\\', "response_format": {"type": "json_schema"}},
)
ERRORS: Final[tuple[Any, ...]] = (
    {"error": {"message": "m", "type": "rate_limit_error", "code": "rate_limit_exceeded", "param": None}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r"},
    [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "20s"}]}}],
    {"error": "boom", "error_type": "overloaded"},
    {
        "error": {
            "message": "Please try again in 20s.",
            "code": "insufficient_quota",
            "metadata": {"reasons": []},
        }
    },
    {"detail": "nope"},
    {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
    {"message": "m", "code": 400, "__type": "com.amazon#ThrottlingException"},
)


def _scanner(api: str) -> Target:
    def run(data: bytes) -> Hashable:
        number, rest = control(data)
        small = number % 8 == 7
        stream = Stream(cut(number, rest), hold_events=1 if small else 8, hold_bytes=90 if small else 65536)
        found = compared(api, stream)
        demand(not found.differences, "; ".join(found.differences))
        return found.worth, min(len(rest).bit_length(), 12)

    def seeds() -> Iterable[bytes]:
        return (with_control(n, b"".join(drawn(api, n).chunks)[:8000]) for n in range(300))

    return Target(name=f"scanner of {api}", run=run, seeds=seeds, words=SSE_WORDS + JSON_WORDS)


def _reader(surface: Surface) -> Target:
    def run(body: bytes) -> Hashable:
        read = surface.read(body)
        if isinstance(read, BadRequest):
            demand(400 <= read.status < 500 and bool(read.message), "a refusal has a 4xx and says why")
            own = OwnError(read.status, read.code.value, read.message, read.param)
            demand(b"message" in surface.error_body(own), "a refusal can be told")
            return read.code, read.param
        demand(read.body is body or bool(read.repairs), "a body that needs no repair is not written")
        try:
            before, after = _plain(body), _plain(with_model(read.body, read.model_span, NAME))
        except RecursionError:
            return "deep"
        demand(type(before) is dict and _whole(before.get("model")) == read.model, "the model is the body's")
        wanted = {**before, "model": NAME}
        if read.repairs:
            wanted |= {name: after[name] for name in ("tools", "functions") if name in wanted}
        demand(after == wanted, "a body with another model is the same but for its name")
        return read.traits.shape, read.traits.needs, read.stream, read.repairs

    def seeds() -> Iterable[bytes]:
        return [json.dumps(one).encode() for one in REQUESTS] + [orjson.dumps(one) for one in REQUESTS]

    return Target(name=f"reader of {surface.path}", run=run, seeds=seeds, words=JSON_WORDS)


def _check(surface: Surface) -> Target:
    def run(data: bytes) -> Hashable:
        number, body = control(data)
        kind = (None, b"application/json", b"text/html; charset=utf-8", b"\xff")[number % 4]
        judged = surface.check(200 + number % 2, kind, body)
        if isinstance(judged, Answered):
            demand(type(_plain(body)) is dict, "an answer is a JSON object")
            counts = judged.usage or ()
            demand(all(n is None or 0 <= n <= 2**55 for n in counts), "tokens are counts")
            return judged.usage is None, judged.model is None
        return _failure(judged)

    def seeds() -> Iterable[bytes]:
        asked = read_asked(1, surface.api, surface.path, {}, json.dumps(REQUESTS[0]).encode())
        voice = voice_of(surface.path)("atlas", asked, Behaviour())
        answers = [voice.whole(), voice.failed(), voice.refusal(), *ERRORS]
        return [with_control(n, orjson.dumps(answer)) for n, answer in enumerate(answers)]

    return Target(name=f"check of {surface.path}", run=run, seeds=seeds, words=JSON_WORDS)


def _failure(failed: FailedAnswer) -> Hashable:
    demand(isinstance(failed.failure, FailureClass), "a failure has a class")
    demand(len(failed.message) <= 4000, "a message is bounded")
    wait = failed.retry_after_ms
    demand(wait is None or 1 <= wait <= MAX_MS, "a wait is within its bounds")
    orjson.dumps([failed.message, failed.code, failed.status, wait])  # records must be able to hold it
    return failed.failure, failed.fault, failed.code if failed.code in _CODES else None


_CODES: Final = frozenset({"not_json", "empty_body", "no_choices", "no_text", "no_response", "no_message"})
STATUSES: Final = (
    200,
    301,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    413,
    422,
    429,
    499,
    500,
    502,
    503,
    504,
    529,
    599,
)


def _errors(data: bytes) -> Hashable:
    number, body = control(data)
    status = STATUSES[number % len(STATUSES)]
    head, _, rest = body.partition(b"\x00")
    headers = {b"retry-after": head, b"date": b"Tue, 20 Oct 2026 10:00:00 GMT"} if number & 0x100 else {}
    if number & 0x200:
        headers = {b"retry-after-ms": head, b"x-amzn-errortype": head}
    judged = classify_answer(status, headers.get, rest or body, target_model="large", now_s=1.8e9)
    found = _failure(judged)
    try:
        value = read_json(rest or body)
    except NotJson:
        return found
    return found, _failure(classify_in_band(value, target_model="large"))


def _error_seeds() -> Iterable[bytes]:
    draw = random.Random(1)
    waits = (b"20", b"1.5", b"Tue, 20 Oct 2026 10:00:20 GMT", b"-1", b"1e9", b"Please try again in 1m30.5s")
    for error in ERRORS:
        body = orjson.dumps(error)
        yield with_control(draw.randrange(65536), body)
        yield with_control(draw.randrange(65536), draw.choice(waits) + b"\x00" + body)


def _waits(data: bytes) -> Hashable:
    number, stated = control(data)
    head, _, date = stated.partition(b"\n")
    headers = {b"retry-after": head, b"date": date} if number & 1 else {b"retry-after-ms": head}
    wait = retry_after_ms(headers.get, None if number & 2 else 1.8e9)
    demand(wait is None or (type(wait) is int and 1 <= wait <= MAX_MS), "a wait is within its bounds")
    return wait is None, wait == MAX_MS


def _wait_seeds() -> Iterable[bytes]:
    dates = (
        b"Tue, 20 Oct 2026 10:00:20 GMT",
        b"Tuesday, 20-Oct-26 10:00:20 GMT",
        b"Tue Oct 20 10:00:20 2026",
    )
    stated = (b"20", b"0.5", b"1e3", b" 7 ", b"99999999999999999999", *dates)
    return [with_control(n, each + b"\n" + dates[0]) for n in range(4) for each in stated]


def _whole(text: Any) -> Any:
    """A text as it is read: half a surrogate pair is nothing that anybody could write again."""
    return HALF.sub("\N{REPLACEMENT CHARACTER}", text) if type(text) is str else text


HALF: Final = re.compile("[\ud800-\udfff]")


def _plain(body: bytes) -> Any:
    """Numbers as text, so that any two are compared exactly; repeated keys: the last one."""
    return json.loads(body, parse_int=str, parse_float=str)


TARGETS: Final = (
    *(_scanner(api) for api in SIDES),
    *(_reader(surface) for surface in SURFACES),
    *(_check(surface) for surface in SURFACES),
    Target(name="error bodies", run=_errors, seeds=_error_seeds, words=JSON_WORDS + HTTP_WORDS),
    Target(name="waits", run=_waits, seeds=_wait_seeds, words=HTTP_WORDS),
)
