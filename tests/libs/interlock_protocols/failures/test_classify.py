"""Table D1, row by row: what an unsuccessful answer means."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import FailureClass, Phase
from interlock_protocols.failures.classify import (
    FailedAnswer,
    Fault,
    classify_answer,
    classify_failure,
    classify_in_band,
)
from interlock_protocols.failures.told import MAX_MESSAGE, Told, read_body

C = FailureClass
MODEL = "meta/llama-3.3-70b"


def answer(status: int, body: Any = None, **headers: str) -> FailedAnswer:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lookup = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return classify_answer(status, lookup.get, raw, target_model=MODEL)


def openai(code: str | None = None, type: str = "t", message: str = "m") -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "code": code, "param": None}}


def anthropic(type: str, error_code: str | None = None) -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": "m", "details": {"error_code": error_code}}}


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (100, C.MALFORMED),
        (204, C.MALFORMED),
        (301, C.MALFORMED),
        (307, C.MALFORMED),
        (400, C.CALLER_FAULT),
        (401, C.AUTH),
        (402, C.BILLING),
        (403, C.PERMISSION),
        (404, C.CALLER_FAULT),
        (405, C.CALLER_FAULT),
        (408, C.TIMEOUT),
        (409, C.CALLER_FAULT),
        (413, C.CALLER_FAULT),
        (418, C.CALLER_FAULT),
        (422, C.CALLER_FAULT),
        (429, C.RATE_LIMIT),
        (498, C.CALLER_FAULT),
        (500, C.SERVER_ERROR),
        (501, C.SERVER_ERROR),
        (502, C.DISCONNECT),
        (503, C.SERVER_ERROR),
        (504, C.TIMEOUT),
        (520, C.SERVER_ERROR),
        (524, C.SERVER_ERROR),
        (527, C.SERVER_ERROR),
        (529, C.OVERLOAD),
        (599, C.SERVER_ERROR),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":null}', b"[]", b"[[]]", b'{"error":[1]}', b"7"])
def test_a_status_alone_has_a_class(status, failure, body):
    assert answer(status, body).failure is failure


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (429, openai("insufficient_quota", "insufficient_quota"), C.BILLING),
        (429, openai("project_spend_limit_exceeded", "insufficient_quota"), C.BILLING),
        (429, openai("credit_balance_exhausted"), C.BILLING),
        (429, openai("billing_hard_limit_reached"), C.BILLING),
        (429, openai(type="exceeded_current_quota_error"), C.BILLING),
        (429, anthropic("rate_limit_error", "enforced_spend_limit_reached"), C.BILLING),
        (429, anthropic("rate_limit_error", "contract_spend_limit_reached"), C.BILLING),
        (402, anthropic("billing_error"), C.BILLING),
        (400, openai("Arrearage"), C.BILLING),
        (402, openai(message="requires more credits, or fewer max_tokens"), C.CALLER_FAULT),
        (402, openai("in_flight_budget_exhausted"), C.RATE_LIMIT),
        (429, openai("rate_limit_exceeded", "tokens"), C.RATE_LIMIT),
        (429, anthropic("rate_limit_error"), C.RATE_LIMIT),
        (429, openai("slow_down", "rate_limit_error"), C.RAMP),
        (503, openai("slow_down"), C.RAMP),
        (429, anthropic("rate_limit_error", "ramp_limit_exceeded"), C.RAMP),
        (503, openai("server_is_overloaded", "service_unavailable_error"), C.OVERLOAD),
        (503, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "m"}}, C.OVERLOAD),
        (503, [{"error": {"code": 503, "status": "UNAVAILABLE", "message": "m"}}], C.OVERLOAD),
        (503, {"error": "m", "error_type": "overloaded"}, C.OVERLOAD),
        (503, openai("internal"), C.SERVER_ERROR),
        (529, anthropic("overloaded_error"), C.OVERLOAD),
        (403, openai("unsupported_country"), C.PERMISSION),
        (403, {"error": {"code": 403, "message": "m", "metadata": {"flagged_input": "x"}}}, C.CALLER_FAULT),
        (403, {"error": {"code": 403, "message": "m", "metadata": {"reasons": ["x"]}}}, C.CALLER_FAULT),
        (403, {"error": {"code": 403, "message": "m", "metadata": {"provider": "x"}}}, C.PERMISSION),
        (403, openai("content_policy_violation"), C.CALLER_FAULT),
        (404, openai("model_not_found"), C.NOT_FOUND),
        (404, {"error": {"code": "DeploymentNotFound", "message": "m"}}, C.NOT_FOUND),
        (404, openai(message=f"The model `{MODEL}` does not exist."), C.NOT_FOUND),
        (404, f'{{"detail":"{MODEL}"}}'.replace("/", "\\/").encode(), C.NOT_FOUND),
        (404, openai(message="no such path"), C.CALLER_FAULT),
        (409, openai("lock_timeout"), C.CONFLICT),
        (409, anthropic("conflict_error"), C.CONFLICT),
        (409, openai("already_exists"), C.CALLER_FAULT),
    ],
)
def test_a_code_that_its_vendor_documents_decides(status, body, failure):
    assert answer(status, body).failure is failure


def test_a_503_that_states_a_wait_is_overload():
    stated = answer(503, retry_after="2")
    assert (stated.failure, stated.retry_after_ms) == (C.OVERLOAD, 2000)
    assert answer(503, retry_after="0").failure is C.SERVER_ERROR


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (openai("context_length_exceeded"), Fault.CONTEXT_LENGTH),
        (openai(type="exceed_context_size_error"), Fault.CONTEXT_LENGTH),
        (openai(message="This model's maximum context length is 8192 tokens."), Fault.CONTEXT_LENGTH),
        (anthropic("invalid_request_error"), Fault.OTHER),
        (openai("content_policy_violation"), Fault.CONTENT_POLICY),
        ({"error": {"code": "content_filter", "message": "context window"}}, Fault.CONTENT_POLICY),
        (
            {"error": {"code": None, "message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            Fault.CONTENT_POLICY,
        ),
        (openai("invalid_type"), Fault.OTHER),
    ],
)
def test_a_callers_fault_says_which(body, fault):
    refused = answer(400, body)
    assert (refused.failure, refused.fault) == (C.CALLER_FAULT, fault)


def test_only_a_callers_fault_has_a_fault():
    assert answer(500, openai(message="maximum context length")).fault is None


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("context_length_exceeded", Fault.CONTEXT_LENGTH),
        ("content_policy_violation", Fault.CONTENT_POLICY),
    ],
)
def test_a_callers_fault_is_one_whatever_status_a_proxy_gave_it(status, code, fault):
    refused = answer(status, openai(code))
    assert (refused.failure, refused.fault) == (C.CALLER_FAULT, fault)


def test_an_answer_keeps_what_the_upstream_said():
    raw = json.dumps(openai("rate_limit_exceeded", "tokens", "slow")).encode()
    got = answer(429, raw, retry_after_ms="250")
    assert got.body is raw
    assert (got.status, got.code, got.message, got.retry_after_ms) == (
        429,
        "rate_limit_exceeded",
        "slow",
        250,
    )


@pytest.mark.parametrize(
    ("error", "failure", "status"),
    [
        ({"error": {"code": 429, "message": "m"}}, C.RATE_LIMIT, 429),
        ({"error": {"code": "502", "message": "m"}}, C.DISCONNECT, 502),
        ({"error": {"code": 99, "message": "m"}}, C.SERVER_ERROR, 500),
        ({"error": {"code": "²²²", "message": "m"}}, C.SERVER_ERROR, 500),
        ({"error": {"type": "overloaded_error", "message": "m"}}, C.OVERLOAD, 529),
        ({"error": {"code": "server_is_overloaded", "message": "m"}}, C.OVERLOAD, 503),
        ({"error": {"code": "rate_limit_exceeded", "type": "requests"}}, C.RATE_LIMIT, 429),
        ({"error": {"code": "insufficient_quota"}}, C.BILLING, 429),
        (
            {"error": {"code": "context_length_exceeded", "type": "invalid_request_error"}},
            C.CALLER_FAULT,
            400,
        ),
        ({"type": "error", "error": {"type": "authentication_error"}}, C.AUTH, 401),
        ({"type": "error", "code": "server_error", "message": "m"}, C.SERVER_ERROR, 500),
        ("boom", C.SERVER_ERROR, 500),
        (None, C.SERVER_ERROR, 500),
    ],
)
def test_an_error_inside_a_200_stands_for_a_status(error, failure, status):
    got = classify_in_band(error)
    assert (got.failure, got.status) == (failure, status)
    assert got.message


@pytest.mark.parametrize(
    ("kind", "phase", "failure"),
    [
        ("dns", Phase.CONNECT, C.DISCONNECT),
        ("refused", Phase.CONNECT, C.DISCONNECT),
        ("unreachable", Phase.CONNECT, C.DISCONNECT),
        ("tls", Phase.CONNECT, C.DISCONNECT),
        ("proxy", Phase.CONNECT, C.DISCONNECT),
        ("connect_timeout", Phase.CONNECT, C.TIMEOUT),
        ("reset", Phase.HEADERS, C.DISCONNECT),
        ("closed_early", Phase.HEADERS, C.DISCONNECT),
        ("headers_timeout", Phase.HEADERS, C.TIMEOUT),
        ("reset", Phase.PREAMBLE, C.DISCONNECT),
        ("closed_early", Phase.PREAMBLE, C.DISCONNECT),
        ("idle_timeout", Phase.PREAMBLE, C.TIMEOUT),
        ("deadline", Phase.PREAMBLE, C.TIMEOUT),
        ("reset", Phase.CONTENT, C.TRUNCATED),
        ("closed_early", Phase.CONTENT, C.TRUNCATED),
        ("idle_timeout", Phase.CONTENT, C.TIMEOUT),
        ("malformed", Phase.CONTENT, C.MALFORMED),
        ("header_overflow", Phase.HEADERS, C.MALFORMED),
        ("body_overflow", Phase.CONTENT, C.MALFORMED),
        ("pool_exhausted", Phase.CONNECT, C.CONFLICT),
    ],
)
def test_a_call_that_failed_below_http_has_a_class(kind, phase, failure):
    assert classify_failure(kind, phase) is failure


def test_every_kind_of_the_upstream_client_has_a_class():
    from interlock_upstream.errors import FailureKind

    assert all(classify_failure(kind, phase) in FailureClass for kind in FailureKind for phase in Phase)


def test_a_kind_nobody_knows_is_a_bug():
    with pytest.raises(ValueError, match="unknown kind"):
        classify_failure("melted", Phase.CONNECT)


def test_a_long_message_is_cut():
    assert len(read_body(json.dumps(openai(message="x" * 9000)).encode()).message) == MAX_MESSAGE
    assert len(read_body(json.dumps({"error": "x" * 9000}).encode()).message) == MAX_MESSAGE


def test_the_most_telling_word_is_the_code():
    assert read_body(json.dumps(anthropic("rate_limit_error", "ramp_limit_exceeded")).encode()).code == (
        "ramp_limit_exceeded"
    )
    assert read_body(b'{"object":"error","message":"m","code":"1300","type":"x"}').code == "1300"
    assert read_body(b"{}") == Told()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "errors",
                    "code",
                    "type",
                    "details",
                    "error_code",
                    "metadata",
                    "message",
                    "reason",
                    "innererror",
                    "error_type",
                    "retryDelay",
                    "retry_after_seconds",
                    "__type",
                    "status",
                ]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@given(
    st.integers(100, 599), json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
)
def test_any_answer_has_a_class(status, raw):
    got = answer(status, raw)
    assert (got.fault is not None) is (got.failure is C.CALLER_FAULT)
    assert got.status == status


@given(json_values)
def test_any_error_inside_a_200_has_a_class(error):
    got = classify_in_band(error)
    assert 400 <= (got.status or 0) <= 599
