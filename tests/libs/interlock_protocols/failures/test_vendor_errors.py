"""Error answers as vendors document them, or as public reports show them: what each one means.

A line of the data file is a vendor, a status, the headers that matter, the body as it comes over the wire,
and the verdict: class, whose fault, the wait that is stated. A body that is a text is no JSON.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.json import Decoder

from interlock_domain.words import FailureClass
from interlock_protocols.failures import codes
from interlock_protocols.failures.classify import classify_answer, classify_in_band
from interlock_protocols.failures.failed_answer import FailedAnswer, Fault

C = FailureClass
CONTEXT, POLICY, OTHER = Fault.CONTEXT_LENGTH, Fault.CONTENT_POLICY, Fault.OTHER
MODEL = "meta-llama/Llama-3.3-70B"


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer. `wait_ms` None: it states none. `fault` None: it is no fault of the caller."""

    vendor: str
    status: int
    body: Any
    failure: FailureClass
    fault: Fault | None = None
    wait_ms: int | None = None
    headers: dict[str, str] = {}


ROWS = Decoder(Row).decode_lines((Path(__file__).parents[3] / "data/vendor_errors.jsonl").read_bytes())


def classified(status: int, body: Any, headers: dict[str, str] | None = None) -> FailedAnswer:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lookup = {name.encode(): value.encode() for name, value in (headers or {}).items()}
    return classify_answer(status, lookup.get, raw, target_model=MODEL)


@pytest.mark.parametrize("row", ROWS, ids=[row.vendor for row in ROWS])
def test_what_a_vendor_says_has_its_class(row: Row):
    got = classified(row.status, row.body, row.headers)
    assert (got.failure, got.fault, got.retry_after_ms) == (row.failure, row.fault, row.wait_ms)


@pytest.mark.parametrize("row", ROWS, ids=[row.vendor for row in ROWS])
def test_no_caller_can_say_what_a_vendor_does_by_a_prompt_that_is_echoed(row: Row):
    """A vendor's whole error, quoted in the message of a plain 400, is the caller's fault all the same."""
    quoted = {"message": f"messages.0.content: {json.dumps(row.body)}", "type": "invalid_request_error"}
    got = classified(400, {"error": quoted})
    assert (got.failure, got.retry_after_ms) == (C.CALLER_FAULT, None)


def test_no_vendor_is_told_twice():
    assert len({row.vendor for row in ROWS}) == len(ROWS)


OPENROUTER_TYPES = {
    "context_length_exceeded": (C.CALLER_FAULT, CONTEXT),
    "max_tokens_exceeded": (C.CALLER_FAULT, CONTEXT),
    "token_limit_exceeded": (C.CALLER_FAULT, CONTEXT),
    "string_too_long": (C.CALLER_FAULT, OTHER),
    "invalid_request": (C.CALLER_FAULT, OTHER),
    "invalid_prompt": (C.CALLER_FAULT, OTHER),
    "authentication": (C.AUTH, None),
    "permission_denied": (C.PERMISSION, None),
    "payment_required": (C.BILLING, None),
    "rate_limit_exceeded": (C.RATE_LIMIT, None),
    "refusal": (C.CALLER_FAULT, POLICY),
    "content_policy_violation": (C.CALLER_FAULT, POLICY),
    "provider_unavailable": (C.DISCONNECT, None),
    "provider_overloaded": (C.OVERLOAD, None),
    "not_found": (C.CALLER_FAULT, OTHER),
    "precondition_failed": (C.PERMISSION, None),
    "payload_too_large": (C.CALLER_FAULT, OTHER),
    "unprocessable": (C.CALLER_FAULT, OTHER),
    "invalid_image": (C.CALLER_FAULT, OTHER),
    "image_download_failed": (C.CALLER_FAULT, OTHER),
    "timeout": (C.TIMEOUT, None),
    "server": (C.SERVER_ERROR, None),
    "unmapped": (C.SERVER_ERROR, None),
}


@pytest.mark.parametrize("word", OPENROUTER_TYPES)
def test_openrouters_type_beside_a_code_that_says_nothing(word: str):
    failed = {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "m"}}
    got = classify_in_band(failed | {"error_type": word})
    assert (got.failure, got.fault) == OPENROUTER_TYPES[word]


OPENAI_RESPONSE_CODES = {
    "server_error": (C.SERVER_ERROR, None),
    "rate_limit_exceeded": (C.RATE_LIMIT, None),
    "vector_store_timeout": (C.TIMEOUT, None),
    "bio_policy": (C.CALLER_FAULT, POLICY),
    "misalignment_policy_violation": (C.CALLER_FAULT, POLICY),
    "image_content_policy_violation": (C.CALLER_FAULT, POLICY),
    **dict.fromkeys(
        (
            "invalid_prompt", "data_residency_mismatch", "invalid_image", "invalid_image_format",
            "invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small",
            "image_parse_error", "invalid_image_mode", "image_file_too_large", "unsupported_image_media_type",
            "empty_image_file", "failed_to_download_image", "image_file_not_found",
        ),
        (C.CALLER_FAULT, OTHER),
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", OPENAI_RESPONSE_CODES)
def test_each_code_of_a_failed_response_has_its_class(code: str):
    got = classify_in_band({"status": "failed", "error": {"code": code, "message": "m"}})
    assert (got.failure, got.fault) == OPENAI_RESPONSE_CODES[code]


def test_the_openai_client_knows_no_code_that_the_table_does_not():
    from typing import get_args

    from openai.types.responses import ResponseError

    known = get_args(ResponseError.model_fields["code"].annotation)
    assert set(known) == set(OPENAI_RESPONSE_CODES)


@pytest.mark.parametrize("status", sorted(codes.WAITS))
def test_an_error_inside_a_200_may_state_a_wait(status: int):
    got = classify_in_band({"error": {"code": status, "message": "Please try again in 1.5s."}})
    assert got.retry_after_ms == 1500


def test_words_state_a_wait_only_where_patience_is_asked_for():
    body = {"error": {"message": "Please try again in 20s."}}
    others = set(range(400, 600)) - codes.WAITS
    assert {status for status in others if classified(status, body).retry_after_ms} == set()


def test_every_code_is_in_lower_case_and_in_one_row_for_each_status():
    seen: dict[tuple[str, int], FailureClass] = {}
    for row in codes.BY_CODE:
        for code in row.codes:
            assert code == code.lower()
            for status in row.statuses:
                assert seen.setdefault((code, status), row.failure) is row.failure, (code, status)
    assert all(word == word.lower() for word in codes.IN_BAND)
    assert all(400 <= status <= 599 for status in codes.IN_BAND.values())
