"""What clients read is read, what they refuse is refused, and nothing that comes out breaks a writer."""

import json

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.answers.answered import Answered
from interlock_protocols.chat.answer import check_chat
from interlock_protocols.splice.text import LENIENT_BYTES, NotJson, read_json


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (rb'"\ud83d"', "�"),
        (rb'"x\ude00\ud83dy"', "x��y"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\ud83d\ud83d\ude00"', "�\U0001f600"),
        (rb'["\\ud83d","\ud83d"]', [r"\ud83d", "�"]),
        (rb'["\"\ud83d\"\/\b"]', ['"�"/\b']),
        (b"[1e999,-1e999]", [float("inf"), float("-inf")]),
        (b"[1e999,18446744073709551615,-9]", [float("inf"), 2**64 - 1, -9]),
        (b"[1e999,18446744073709551616,%b]" % (b"9" * 400), [float("inf"), 2.0**64, float("inf")]),
        (b"[%b]" % (b"9" * 5000), [float("inf")]),
    ],
)
def test_a_document_that_clients_read_is_read(data, value) -> None:
    assert read_json(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"NaN",
        b"[Infinity]",
        rb'["\ud83d",]',
        rb'["\ud83d",NaN]',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        rb'"\ud83"',
        b"[" * 5000 + b"]" * 5000,
        rb'["\ud83d"]' + b" " * LENIENT_BYTES,
    ],
)
def test_what_is_no_document_is_refused(data) -> None:
    with pytest.raises(NotJson):
        read_json(data)


def test_an_answer_that_ends_in_half_an_emoji_is_an_answer() -> None:
    body = rb'{"choices":[{"message":{"content":"cut \ud83d"},"finish_reason":"length"}],"model":"m"}'
    assert check_chat(200, b"application/json", body) == Answered(model="m")


@given(st.text(st.sampled_from('\\"ud83dDe00ca/ \ud83d\ude00é'), max_size=30), st.booleans())
def test_whatever_is_read_can_be_written_again(text, escaped) -> None:
    data = (
        json.dumps([text, float("inf")])[:-9].encode() + b"1e999]"
        if escaped
        else text.encode("utf-8", "replace")
    )
    try:
        value = read_json(data)
    except NotJson:
        return
    msgspec.json.encode(value[:1] if escaped else value)
    if escaped:
        orjson.dumps(value[0])


@given(st.binary(max_size=60) | st.text(st.sampled_from('{}[]",:\\ud8e01- \n'), max_size=40).map(str.encode))
def test_the_strict_reader_is_believed(data) -> None:
    try:
        strict = orjson.loads(data)
    except orjson.JSONDecodeError:
        return
    assert read_json(data) == strict
