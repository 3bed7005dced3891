"""The quick reading of usual bodies and the full one never disagree."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.chat import answer as whole
from interlock_protocols.chat import request as chat
from interlock_protocols.requests.inference import InferenceRequest

_TEXT = st.sampled_from(["", "m", "a/b", "ü", "\\", 'quote"', "model"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)
_MESSAGE = st.fixed_dictionaries({}, optional={"role": _TEXT, "content": _TEXT | _JSON})
_REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "model": _TEXT | _JSON,
        "messages": st.lists(_MESSAGE, max_size=2) | _JSON,
        "stream": st.booleans() | st.none() | _JSON,
        "tools": st.none() | _JSON,
        "functions": st.none() | _JSON,
        "response_format": st.none() | st.just({"type": "json_schema"}) | _JSON,
        "modalities": st.none() | st.just(["audio"]) | _JSON,
        "extra": _JSON,
    },
)
_CHOICE = st.fixed_dictionaries(
    {}, optional={"finish_reason": st.sampled_from([None, "stop", "error", 3]), "error": st.none() | _JSON}
)
_ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(_CHOICE, max_size=2) | _JSON,
        "usage": st.none()
        | st.fixed_dictionaries({}, optional={"prompt_tokens": st.integers(-(2**60), 2**60) | _JSON}),
        "model": _TEXT | _JSON,
        "error": st.none() | _JSON,
        "object": st.sampled_from(["chat.completion", "error", "other", 1, None]),
        "type": st.sampled_from(["error", "message", None]),
    },
)


def _cut(body: bytes, at: int) -> bytes:
    """The body, sometimes damaged: cut short, or with a byte that is no UTF-8 in it."""
    if at % 5 == 0:
        return body[: at % (len(body) + 1)]
    if at % 7 == 0:
        return body.replace(b'"', b'"\xff', 1)
    return body


@given(_REQUEST, st.integers(1, 400))
def test_a_request_is_read_alike(request_, at) -> None:
    body = _cut(orjson.dumps(request_), at)
    assert chat.parse_chat(body) == chat._parse_any(body)


@given(_ANSWER, st.integers(1, 400))
def test_an_answer_is_judged_alike(answer, at) -> None:
    body = _cut(orjson.dumps(answer), at)
    assert whole.check_chat(200, None, body) == whole._check_any(200, None, body)


def test_a_usual_request_takes_the_quick_way() -> None:
    body = b'{"model":"chat","messages":[{"role":"user","content":"hi"}],"stream":true}'
    assert chat._decode_usual(body).stream


def test_an_agents_turn_takes_the_quick_way_too() -> None:
    body = (
        b'{"model":"chat","stream":null,"response_format":{"type":"json_schema"},"modalities":["text"],'
        b'"messages":[{"role":"user","content":[{"type":"text","text":"?"},{"type":"image_url"}]},'
        b'{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"tool","content":"7"}],'
        b'"tools":[{"type":"function","function":{"name":"f","parameters":{"minimum":1e400}}}]}'
    )
    assert len(chat._decode_usual(body).tools or ()) == 1
    request = chat.parse_chat(body)
    assert isinstance(request, InferenceRequest)
    assert request.traits.needs == ("json_schema", "tools", "vision")
