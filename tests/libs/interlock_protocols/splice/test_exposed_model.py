"""The pool's name stands where the model's did, in that one place of each answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api
from interlock_protocols.splice.exposed_model import ExposedModel
from interlock_protocols.streams.sse import split_events

TEXT = 'say "model":"large-1" and {"model": "large-1"}'


def chunk(text: str, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    value = {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "large-1",
        "choices": [choice],
    }
    return b"data: " + json.dumps(value | fields, separators=(",", ":")).encode() + b"\n\n"


def renamed(event: bytes) -> bytes:
    return event.replace(b'"created":1,"model":"large-1"', b'"created":1,"model":"chat"')


def test_a_whole_answer_has_it_at_its_root():
    body = b'{"choices":[{"model":"large-1"}], "model" : "large-1","n":1.0,"big":12345678901234567890123}'
    exposed = ExposedModel(Api.CHAT, "chat")
    assert exposed.whole(body, "large-1") == body.replace(b'"model" : "large-1"', b'"model" : "chat"')
    assert exposed.served == "large-1"
    assert exposed.whole(body, None) is body


@pytest.mark.parametrize("api", [Api.CHAT, Api.COMPLETIONS])
def test_every_chunk_has_it_at_its_root_alone_or_in_a_burst(api):
    exposed = ExposedModel(api, "chat")
    events = [
        chunk("a"),
        chunk(TEXT),
        chunk("", usage={"total_tokens": 3}),
        b"data: [DONE]\n\n",
        b": beat\n\n",
    ]
    for event in events:
        assert exposed.piece(event) == renamed(event)
    burst = b"".join(events * 3)
    assert exposed.piece(burst) == renamed(burst)
    assert ExposedModel(api, "chat").piece(burst) == renamed(burst)


def test_what_names_no_model_is_not_even_copied():
    piece = b'data: {"choices":[{"delta":{"content":"\\"model\\": x"}}]}\n\ndata: [DONE]\n\n'
    assert ExposedModel(Api.CHAT, "chat").piece(piece) is piece


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (b'data: {"x":{"model":"m"},"model":"m"}\n\n', b'data: {"x":{"model":"m"},"model":"p"}\n\n'),
        (b'data: {"model":"m","x":{"model":"m"}}\n\n', b'data: {"model":"p","x":{"model":"m"}}\n\n'),
        (b'data:{"model":"m"}\r\n\r\n', b'data:{"model":"p"}\r\n\r\n'),
        (b'event: x\ndata: {"model":"m"}\n\n', b'event: x\ndata: {"model":"p"}\n\n'),
        (b'data: {"x":"{","model":"m"}\n\n', b'data: {"x":"{","model":"p"}\n\n'),
        (b'data: {"model":null}\n\n', b'data: {"model":null}\n\n'),
        (b'data: {"choices":[{"model":"m"}]}\n\n', b'data: {"choices":[{"model":"m"}]}\n\n'),
        (b'data: "model"\n\n', b'data: "model"\n\n'),
        (b'data: {"model":\n\n', b'data: {"model":\n\n'),
        (b'data: {"model":\ndata: "m"}\n\n', b'data: {"model":\ndata: "m"}\n\n'),
        (b': "model" {"model":"m"}\n\n', b': "model" {"model":"m"}\n\n'),
    ],
)
def test_odd_events_are_understood_or_left_alone(event, expected):
    exposed = ExposedModel(Api.CHAT, "p")
    for _ in range(2):
        assert exposed.piece(event) == expected
    assert exposed.piece(event + chunk("a")) == expected + chunk("a").replace(b'"large-1"', b'"p"')


def test_a_stream_whose_events_begin_differently_is_followed():
    exposed = ExposedModel(Api.CHAT, "chat")
    for n in range(4):
        event = chunk("a", id=f"c-{n}")
        assert exposed.piece(event + event) == renamed(event + event)


def test_messages_have_it_in_the_message_that_starts():
    start = (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"large-1",'
        b'"content":[],"usage":{}},"model":"large-1"}\n\n'
    )
    delta = b'event: content_block_delta\ndata: {"delta":{"text":"\\"model\\":\\"m\\""},"x":{"model":1}}\n\n'
    exposed = ExposedModel(Api.MESSAGES, "chat")
    expected = start.replace(b'"id":"m","model":"large-1"', b'"id":"m","model":"chat"')
    assert exposed.piece(start + delta) == expected + delta


def test_responses_have_it_in_the_response_of_any_event():
    def event(kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()

    response = {"id": "r", "model": "large-1", "output": [{"model": "large-1"}], "metadata": {"model": "x"}}
    done = event("response.completed", response=response)
    delta = event("response.output_text.delta", delta='"model": "large-1"', item={"model": "large-1"})
    exposed = ExposedModel(Api.RESPONSES, "chat")
    expected = done.replace(b'"id": "r", "model": "large-1"', b'"id": "r", "model": "chat"')
    assert exposed.piece(delta + done) == delta + expected
    assert exposed.piece(event("response.x", response=None, model="a")) == event(
        "response.x", response=None, model="a"
    )


VALUES = st.recursive(
    st.none() | st.integers() | st.sampled_from(["m", '"model":"m"', "{", "data: {", "\n\ndata: ", "é"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["model", "a", 'q"', "choices"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["model", "id", "x", "choices"]), VALUES, max_size=4), max_size=6
    )
)
def test_any_chunks_differ_in_their_models_alone(chunks):
    exposed = ExposedModel(Api.CHAT, "p")
    piece = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in chunks)
    out = [json.loads(event[6:]) for event in split_events(exposed.piece(piece))]
    assert out == [
        value | {"model": "p"} if isinstance(value.get("model"), str) else value for value in chunks
    ]
