"""The estimate of a prompt's tokens leans low, and most requests need none."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api
from interlock_protocols.requests.context_length import BYTES_PER_TOKEN, context_tokens

TEXT = "The quick brown fox jumps over the lazy dog. " * 40
TOKENS = len(TEXT) // BYTES_PER_TOKEN
IMAGE = base64.b64encode(bytes(range(256)) * 40).decode()
IN_LINES = base64.encodebytes(bytes(range(256)) * 40).decode()


def estimate(api: Api, window: int = 1, **fields: Any) -> int | None:
    return context_tokens(json.dumps({"model": "m"} | fields).encode(), api, window=window)


def said(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_a_body_that_fits_whatever_it_says_is_not_measured():
    body = json.dumps({"messages": [said(TEXT)]}).encode()
    assert context_tokens(body, Api.CHAT, window=len(body) // BYTES_PER_TOKEN + 1) is None
    assert context_tokens(body, Api.CHAT, window=len(body) // BYTES_PER_TOKEN - 1) is not None


@pytest.mark.parametrize(
    ("api", "fields"),
    [
        (Api.CHAT, {"messages": [said(TEXT)]}),
        (Api.CHAT, {"messages": [said([{"type": "text", "text": TEXT}])]}),
        (Api.CHAT, {"messages": [{"tool_calls": [{"function": {"arguments": TEXT}}]}]}),
        (Api.CHAT, {"tools": [{"function": {"description": TEXT}}]}),
        (Api.RESPONSES, {"instructions": TEXT}),
        (Api.RESPONSES, {"input": TEXT}),
        (Api.RESPONSES, {"input": [{"type": "function_call_output", "output": TEXT}]}),
        (Api.MESSAGES, {"system": [{"type": "text", "text": TEXT}]}),
        (Api.MESSAGES, {"messages": [said([{"type": "tool_use", "input": {"new_text": TEXT}}])]}),
        (Api.MESSAGES, {"messages": [said([{"source": {"type": "text", "data": TEXT}}])]}),
        (Api.COMPLETIONS, {"prompt": TEXT}),
        (Api.EMBEDDINGS, {"input": TEXT}),
    ],
)
def test_text_is_counted_wherever_an_api_puts_it(api, fields):
    found = estimate(api, **fields)
    assert found is not None
    assert TOKENS <= found <= TOKENS + 10  # the words of roles and types stand in the same values


@pytest.mark.parametrize(
    ("api", "fields"),
    [
        (Api.CHAT, {"prediction": {"type": "content", "content": TEXT}, "metadata": {"a": TEXT}}),
        (Api.CHAT, {"messages": [said([{"image_url": {"url": "data:image/png;base64," + IMAGE}}])]}),
        (Api.CHAT, {"messages": [said([{"input_audio": {"data": IMAGE, "format": "wav"}}])]}),
        (Api.RESPONSES, {"input": [{"type": "reasoning", "encrypted_content": IMAGE.replace("+", "-")}]}),
        (Api.MESSAGES, {"messages": [said([{"source": {"type": "base64", "data": IMAGE}}])]}),
        (Api.MESSAGES, {"messages": [said([{"source": {"type": "base64", "data": IN_LINES}}])]}),
        (Api.COMPLETIONS, {"suffix": TEXT}),
        (Api.CHAT, {"messages": None}),
    ],
)
def test_media_and_what_is_no_prompt_are_not_counted(api, fields):
    found = estimate(api, **fields)
    assert found is not None
    assert found <= 10


def test_a_text_that_speaks_of_media_is_text():
    for text in ("data: " + TEXT, "data:image/png is a type. " + TEXT, IMAGE[:200] + " " + TEXT):
        found = estimate(Api.CHAT, messages=[said(text)])
        assert found is not None
        assert found >= TOKENS


@pytest.mark.parametrize(("api", "field"), [(Api.COMPLETIONS, "prompt"), (Api.EMBEDDINGS, "input")])
@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        (list(range(500)), 500),
        ([[1] * 20, [2] * 300, [3]], 300),
        ([TEXT, "short", TEXT[:50]], TOKENS),
        ([{"text": TEXT}, {"text": TEXT}], TOKENS),
        ([], 0),
        ([[]], 0),
        (None, 0),
        (5, 0),
    ],
)
def test_of_several_prompts_the_longest_counts_and_token_ids_are_exact(api, field, prompt, tokens):
    assert estimate(api, **{field: prompt}) == tokens


def test_a_window_that_token_ids_may_fill_is_not_taken_for_text():
    ids = b'{"prompt":[' + b"1," * 999 + b"1]}"
    assert context_tokens(ids, Api.COMPLETIONS, window=990) == 1000


def test_an_escaped_text_counts_as_its_utf_8():
    text = "привет " * 200
    plain = json.dumps({"input": text}, ensure_ascii=False).encode()
    assert estimate(Api.RESPONSES, input=text) == context_tokens(plain, Api.RESPONSES, window=1)
    assert estimate(Api.RESPONSES, input=text) == len(text.encode()) // BYTES_PER_TOKEN


@pytest.mark.parametrize("body", [b"{" * 10, b"[1,2,3]", b'"long enough"', b'{"messages":"\xff"}'])
def test_what_no_api_reads_has_no_estimate_or_none_of_weight(body):
    assert not context_tokens(body, Api.CHAT, window=1)


_VALUE = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(st.sampled_from(list(Api)), st.dictionaries(st.sampled_from(["messages", "prompt", "input"]), _VALUE))
@pytest.mark.parametrize("window", [1, 10])
def test_the_estimate_never_exceeds_a_window_that_the_size_alone_fits(window, api, fields):
    compact = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    found = context_tokens(compact, api, window=window)
    whole = context_tokens(compact, api, window=0)
    assert whole is not None
    assert found == whole or (found is None and whole <= window)
