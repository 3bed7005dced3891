"""The template of a stream counts nothing that decoding would not count, and takes the usual bursts."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock_protocols.chat.chunk import still_chunks
from interlock_protocols.chat.template import ContentTemplate
from tests.libs.interlock_protocols.chunks import ERROR, HELLO, ROLE, STOP, USAGE, WORLD, chunk

COMPACT = (
    b'data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m-1",'
    b'"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}\n\n'
)


def learnt(event: bytes = COMPACT) -> ContentTemplate:
    template = ContentTemplate.learn(event)
    assert template is not None
    return template


def saying(raw: bytes) -> bytes:
    """The compact chunk with this text as it stands between the quotes."""
    return COMPACT.replace(b"hello", raw)


@pytest.mark.parametrize("raw", [b"", b"a b", b"w\xc3\xb6rld", b"line\\nbreak", b'say \\"hi\\"', b"\\t\\/"])
def test_texts_of_every_usual_kind_are_counted(raw) -> None:
    whole = COMPACT + saying(raw) * 3 + COMPACT
    assert learnt().count(whole) == still_chunks(whole) == 5
    assert learnt().count(saying(raw)) == 1


def test_the_last_of_several_events_is_learnt_from() -> None:
    assert learnt(saying(b"x") + COMPACT).count(COMPACT * 3) == 3
    assert learnt(WORLD + COMPACT).count(COMPACT) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b'a"b',
        b"a\nb",
        b"a\x01b",
        b"a\\",
        b'a"b\\',
        b"a\\x",
        b"\xff",
        b"\xc3",
        b'"},"finish_reason":"stop","x":{"y":"',
        b'","error":"',
    ],
)
def test_a_text_that_ends_its_string_or_is_no_json_is_left_to_the_decoder(raw) -> None:
    for whole in (saying(raw), COMPACT + saying(raw), saying(raw) + COMPACT, saying(raw) + saying(b"\xa9")):
        assert learnt().count(whole) == 0


@pytest.mark.parametrize("other", [ROLE, HELLO, STOP, USAGE, ERROR, COMPACT[:-1], COMPACT[3:]])
def test_an_event_of_another_form_is_left_to_the_decoder(other) -> None:
    for whole in (COMPACT + other, other + COMPACT, COMPACT + other + COMPACT, other):
        assert learnt().count(whole) == 0


def test_given_a_text_that_hides_the_key_then_nothing_is_learnt() -> None:
    assert ContentTemplate.learn(chunk({"content": 'x","content":"y'})) is None
    assert ContentTemplate.learn(chunk({"refusal": "no"})) is None
    assert ContentTemplate.learn(WORLD) is None  # an escaped letter: the decoder's business


def _as_sent(text: str, *, plain: bool) -> bytes:
    return json.dumps(text, ensure_ascii=not plain)[1:-1].encode()


_TEXT = st.text(st.sampled_from('ab "\\\n/üé\x00{}:,'), max_size=6)


@given(st.lists(_TEXT, min_size=1, max_size=6), st.booleans())
def test_whatever_a_provider_writes_as_text_is_counted_or_left_never_miscounted(texts, plain) -> None:
    whole = b"".join(saying(_as_sent(text, plain=plain)) for text in texts)
    assert learnt().count(whole) in {0, len(texts)}
    assert still_chunks(whole) == len(texts)


_PARTS = st.sampled_from(
    [
        COMPACT,
        saying(b"x"),
        saying(b'\\"'),
        STOP,
        ERROR,
        b'"',
        b"\\",
        b"\n",
        b"\n\n",
        b"\xc3",
        b"\xb6",
        b"data: {",
    ]
)


@given(st.lists(_PARTS, min_size=1, max_size=5), st.data())
@example([saying(b"x\\"), saying(b'"y')], None)
def test_what_is_counted_in_damaged_bytes_the_decoder_counts_alike(parts, data) -> None:
    whole = b"".join(parts)
    if data is not None and data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(whole)))
        end = data.draw(st.integers(start, min(len(whole), start + 40)))
        whole = whole[:start] + data.draw(_PARTS | st.just(b"")) + whole[end:]
    found = learnt().count(whole)
    assert found == 0 or found == still_chunks(whole)
