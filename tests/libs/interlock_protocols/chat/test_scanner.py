"""A stream goes out from its first content on, whole events only, and never past what failed it."""

import pytest

from interlock_domain.words import FailureClass
from interlock_protocols.chat.scanner import ChatScanner, End, Verdict
from interlock_protocols.choices.scanner import MAX_CHOICES
from interlock_protocols.streams.scanner import MANY_LINES
from interlock_protocols.streams.sse import BOM
from tests.libs.interlock_protocols.chunks import (
    COMMENT,
    DONE,
    ERROR,
    HELLO,
    MALFORMED,
    ROLE,
    STOP,
    USAGE,
    WHOLE,
    WORLD,
    chunk,
    event,
)

V = Verdict


def fed(*chunks: bytes) -> tuple[ChatScanner, list[Verdict], bytes]:
    """A scanner after these chunks, its verdicts and everything that went out."""
    scanner = ChatScanner()
    verdicts, out = [], b""
    for each in chunks:
        verdicts.append(scanner.feed(each))
        out += scanner.out
    return scanner, verdicts, out


def test_a_whole_stream_commits_at_its_first_content_and_goes_out_as_received():
    scanner, verdicts, out = fed(ROLE, COMMENT, HELLO, WORLD, STOP, USAGE, DONE)
    assert verdicts == [V.HOLD, V.HOLD, V.COMMIT, V.PASS, V.PASS, V.PASS, V.PASS]
    assert out == ROLE + COMMENT + HELLO + WORLD + STOP + USAGE + DONE
    assert (scanner.finished, scanner.complete, scanner.saw_content) == (True, True, True)
    assert (scanner.usage, scanner.model, scanner.events) == ((12, 2), "m-1", 6)
    assert scanner.end() is End.COMPLETE
    assert scanner.error is None


def test_a_whole_stream_in_one_chunk_is_the_same_bytes_object():
    scanner, verdicts, _ = fed(WHOLE)
    assert verdicts == [V.COMMIT]
    assert scanner.out is WHOLE


def test_a_committed_chunk_of_whole_events_is_not_copied():
    scanner, _, _ = fed(ROLE, HELLO)
    both = WORLD + HELLO
    assert scanner.feed(both) is V.PASS
    assert scanner.out is both


@pytest.mark.parametrize(
    "delta",
    [
        {"content": " "},
        {"content": [{"type": "text", "text": "x"}]},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]},
        {"function_call": {"name": "f"}},
        {"audio": {"id": "a"}},
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"role": "assistant", "content": "x"},
    ],
)
def test_what_a_user_waits_for_commits(delta):
    _, verdicts, out = fed(chunk(delta))
    assert verdicts == [V.COMMIT]
    assert out == chunk(delta)


@pytest.mark.parametrize(
    "held",
    [
        ROLE,
        chunk({}),
        chunk({"content": None, "tool_calls": [], "refusal": None, "vendor_fields": {"a": 1}}),
        event({"choices": []}),
        event({"choices": None, "error": None, "usage": {"prompt_tokens": 1}}),
        event({"choices": [None, {"delta": None}, {"index": "x"}]}),
        event({}),
        COMMENT,
        b"\n\n",
        b"event: ping\ndata: {}\n\n",
    ],
)
def test_preamble_is_held(held):
    scanner, verdicts, out = fed(held)
    assert (verdicts, out) == ([V.HOLD], b"")
    assert not scanner.committed


def test_text_that_speaks_of_errors_is_content():
    text = 'event: error\n\ndata: {"error": {"code": 500}} [DONE] "finish_reason": "error"'
    scanner, verdicts, out = fed(chunk({"content": text}), chunk({"content": text}), STOP, DONE)
    assert verdicts == [V.COMMIT, V.PASS, V.PASS, V.PASS]
    assert out == chunk({"content": text}) * 2 + STOP + DONE
    assert scanner.end() is End.COMPLETE


def test_nine_events_or_64_kib_of_preamble_commit():
    _, verdicts, out = fed(*[ROLE] * 9)
    assert verdicts == [V.HOLD] * 8 + [V.COMMIT]
    assert out == ROLE * 9
    _, verdicts, out = fed(*[COMMENT] * 3000)
    held = 65536 // len(COMMENT)
    assert verdicts == [V.HOLD] * held + [V.COMMIT] + [V.PASS] * (3000 - held - 1)
    assert out == COMMENT * 3000


def test_content_after_too_much_preamble_is_still_content():
    scanner, _, out = fed(*[ROLE] * 9, HELLO, DONE)
    assert out == ROLE * 9 + HELLO + DONE
    assert (scanner.saw_content, scanner.end()) == (True, End.COMPLETE)


def test_too_much_preamble_and_no_answer_is_a_failure():
    scanner, verdicts, out = fed(*[ROLE] * 9, DONE)
    assert (verdicts[-1], out) == (V.ERROR, ROLE * 9)
    assert scanner.end() is End.TRUNCATED


def test_the_limits_of_holding_are_settable():
    scanner = ChatScanner(hold_events=1, hold_bytes=10_000)
    assert [scanner.feed(ROLE), scanner.feed(ROLE)] == [V.HOLD, V.COMMIT]
    scanner = ChatScanner(hold_bytes=10)
    assert scanner.feed(ROLE) is V.COMMIT


def test_an_error_before_content_leaves_nothing_out():
    scanner, verdicts, out = fed(ROLE, ERROR)
    assert (verdicts, out) == ([V.HOLD, V.ERROR], b"")
    assert scanner.error is not None
    assert (scanner.error.failure, scanner.error.status) == (FailureClass.SERVER_ERROR, 503)
    assert scanner.end() is End.TRUNCATED


def test_an_error_in_the_chunk_of_the_first_content_can_still_be_hidden():
    scanner, verdicts, out = fed(ROLE + HELLO + ERROR)
    assert (verdicts, out) == ([V.ERROR], b"")
    assert not scanner.committed


@pytest.mark.parametrize(
    "error",
    [
        ERROR,
        event({"error": "boom"}),
        event(
            {
                "id": "c",
                "choices": [{"index": 0, "delta": {"content": ""}}],
                "error": {"code": "server_error"},
            }
        ),
        chunk({"content": ""}, finish_reason="error"),
        event({"choices": [{"index": 0, "delta": {}, "error": {"code": 502}}]}),
        b'event: error\ndata: {"message":"boom"}\n\n',
        b"event: error\ndata: boom\n\n",
        b"event: error\n\n",
        b'event: error\r\ndata: {"error":{"message":"boom"}}\r\n\r\n',
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_an_error_after_content_never_goes_out(error, alone):
    chunks = [ROLE, HELLO, WORLD, error + WORLD] if alone else [ROLE, HELLO, WORLD + error + WORLD]
    scanner, verdicts, out = fed(*chunks, WORLD, DONE)
    assert verdicts[-3:] == [V.ERROR] * 3
    assert out == ROLE + HELLO + WORLD
    assert scanner.error is not None
    assert scanner.error.message
    assert not scanner.finished


@pytest.mark.parametrize(
    "malformed",
    [
        MALFORMED,
        b"data: hello\n\n",
        b"data: 5\n\n",
        b"data: null\n\n",
        b"data: []\n\n",
        b'data: "[DONE]"\n\n',
        b'data: {"a":"\xff"}\n\n',
        b'data: {"a":1}{"b":2}\n\n',
        b'data: {"a":1\n,"b":2}\n\n',
        b'data: {"a":1\r,"b":2}\n\n',
        b'data: {"a":1}\ndata: {"b":2}\n\n',
        b'data: {"choices":[{}\n\ndata: {}]}\n\n',
        b"data: " + b"[" * 5000 + b"]" * 5000 + b"\n\n",
        # Read as one array their halves and doubles make up for each other: as many objects as events.
        b'data: {"x":[{}\n\ndata: {}]}\n\ndata: {},{}\n\n',
        b"data: {}{}\n\n",
        b'data: {"a":NaN}\n\n',
        b"data: [\n" + b"data: 1,\n" * MANY_LINES + b"data: 1]\n\n",
    ],
)
def test_a_malformed_event_never_goes_out(malformed):
    scanner, verdicts, out = fed(ROLE, malformed)
    assert (verdicts, out) == ([V.HOLD, V.MALFORMED], b"")
    scanner, verdicts, out = fed(ROLE, HELLO, WORLD + malformed + WORLD)
    assert verdicts[-1] is V.MALFORMED
    assert out == ROLE + HELLO + WORLD
    assert scanner.error is not None
    assert scanner.error.failure is FailureClass.MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        b"\\ud83d",  # half of an emoji, as a proxy in JavaScript writes it that cuts texts by length
        b"\\ude00 and",
        b'a","logprob":-1e999,"b":"',
        b'a","token":%b,"b":"' % (b"9" * 5000),
    ],
)
def test_what_every_client_reads_is_content_though_strict_readers_refuse_it(text):
    odd = chunk({"content": "TEXT"}).replace(b"TEXT", text)
    for chunks in ([ROLE, odd], [ROLE, HELLO, odd], [ROLE, HELLO, WORLD + odd + WORLD]):
        scanner, verdicts, out = fed(*chunks, STOP, DONE)
        assert verdicts[-1] is V.PASS
        assert out == b"".join(chunks) + STOP + DONE
        assert scanner.end() is End.COMPLETE


def test_a_stream_that_goes_on_opening_choices_fails_instead_of_filling_the_memory():
    scanner, verdicts, _ = fed(*(chunk({"content": "x"}, index=n) for n in range(MAX_CHOICES)))
    assert verdicts[-1] is V.PASS
    assert scanner.feed(chunk({"content": "x"}, index=5)) is V.PASS
    assert scanner.feed(chunk({"content": "x"}, index=MAX_CHOICES)) is V.MALFORMED
    assert scanner.out == b""


@pytest.mark.parametrize(
    "noise",
    [b"retry: 100\n\n", b"id: 7\n\n", b"event: ping\n\n", b"data:\n\n", b"data: \n\n", b"data: \r\n\r\n"],
)
def test_an_event_that_says_nothing_and_breaks_clients_is_dropped(noise):
    scanner, verdicts, out = fed(noise + ROLE, noise + HELLO + noise, WORLD + noise + STOP, noise, DONE)
    assert verdicts == [V.HOLD, V.COMMIT, V.PASS, V.PASS, V.PASS]
    assert out == ROLE + HELLO + WORLD + STOP + DONE
    assert scanner.end() is End.COMPLETE


def test_a_byte_order_mark_is_left_out():
    stream = BOM + WHOLE
    assert fed(stream)[2] == WHOLE
    assert fed(*(stream[i : i + 1] for i in range(len(stream))))[2] == WHOLE
    scanner, _, _ = fed(BOM + STOP[:-2])
    assert (scanner.end(), scanner.out) == (End.MISSING_DONE, STOP)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda stream: stream.replace(b"\n", b"\r\n"),
        lambda stream: stream.replace(b"\n", b"\r"),
        lambda stream: stream.replace(b"data: ", b"data:"),
        lambda stream: stream.replace(b"data: ", b"event: message\ndata: "),
        lambda stream: stream.replace(b', "choices"', b',\ndata: "choices"'),
        lambda stream: stream.replace(b"\n\n", b"\n\n\n"),
        lambda stream: stream.replace(b"\n\n", b"\n\n: ping\n\n"),
    ],
)
def test_every_spelling_of_an_event_stream_is_read(rewrite):
    stream = rewrite(ROLE + HELLO + WORLD + STOP + USAGE + DONE)
    for size in (1, 7, 100, len(stream)):
        scanner, _, out = fed(*(stream[i : i + size] for i in range(0, len(stream), size)))
        assert out == stream[: len(out)]
        assert not stream[len(out) :].strip(b"\r\n: ping")
        assert (scanner.events, scanner.usage, scanner.end()) == (6, (12, 2), End.COMPLETE)


def test_a_cut_event_waits_for_its_rest():
    scanner, verdicts, out = fed(ROLE + HELLO + WORLD[:30])
    assert (verdicts, out) == ([V.COMMIT], ROLE + HELLO)
    assert (scanner.feed(WORLD[30:50]), scanner.out) == (V.PASS, b"")
    assert (scanner.feed(WORLD[50:] + HELLO[:5]), scanner.out) == (V.PASS, WORLD)


def test_nothing_goes_out_behind_the_sentinel():
    scanner, verdicts, out = fed(ROLE, HELLO, STOP + DONE + HELLO, HELLO, ERROR)
    assert verdicts[-3:] == [V.PASS] * 3
    assert out == ROLE + HELLO + STOP + DONE
    assert scanner.end() is End.COMPLETE


def test_a_sentinel_without_an_answer_is_a_failure():
    scanner, verdicts, out = fed(ROLE, DONE)
    assert (verdicts, out) == ([V.HOLD, V.ERROR], b"")
    assert scanner.error is not None
    assert scanner.error.failure is FailureClass.TRUNCATED


def test_content_and_a_sentinel_are_an_answer_without_a_finish_reason():
    scanner, _, out = fed(ROLE, HELLO, DONE)
    assert out == ROLE + HELLO + DONE
    assert scanner.end() is End.COMPLETE


def test_a_finish_reason_without_content_is_an_answer():
    scanner, verdicts, out = fed(ROLE, STOP, DONE)
    assert verdicts == [V.HOLD, V.COMMIT, V.PASS]
    assert out == ROLE + STOP + DONE
    assert scanner.end() is End.COMPLETE


@pytest.mark.parametrize(
    ("chunks", "end"),
    [
        ([], End.EMPTY),
        ([COMMENT], End.EMPTY),
        ([b"data: "], End.EMPTY),
        ([b"data: {"], End.TRUNCATED),
        ([b'{"error":{"message":"no stream"}}'], End.EMPTY),
        ([ROLE], End.TRUNCATED),
        ([ROLE, HELLO], End.TRUNCATED),
        ([ROLE, HELLO[:-2]], End.TRUNCATED),
        ([ROLE, HELLO, STOP[:-9]], End.TRUNCATED),
        ([ROLE, HELLO, STOP], End.MISSING_DONE),
        ([ROLE, HELLO, STOP, USAGE[:-9]], End.MISSING_DONE),
        ([ROLE, HELLO, STOP, b"data: [DO"], End.MISSING_DONE),
        ([ROLE, HELLO, STOP, DONE[:-1]], End.COMPLETE),
        ([ROLE, HELLO, STOP, DONE[:-2]], End.COMPLETE),
    ],
)
def test_an_end_is_what_the_stream_was_worth(chunks, end):
    scanner, _, _ = fed(*chunks)
    assert scanner.end() is end
    assert scanner.end() is end
    assert (scanner.error is None) is (end in (End.COMPLETE, End.MISSING_DONE))
    assert scanner.error is None or scanner.error.failure is FailureClass.TRUNCATED


def test_a_last_event_without_its_blank_line_goes_out_whole():
    scanner, _, out = fed(ROLE, HELLO, STOP, DONE[:-1])
    assert scanner.end() is End.COMPLETE
    assert out + scanner.out == ROLE + HELLO + STOP + DONE
    scanner, verdicts, _ = fed(ROLE, STOP[:-2])
    assert verdicts == [V.HOLD, V.HOLD]
    assert scanner.end() is End.MISSING_DONE
    assert scanner.committed
    assert scanner.out == ROLE + STOP


def test_a_last_event_that_was_cut_does_not_go_out():
    scanner, _, out = fed(ROLE, HELLO, STOP, USAGE[:-9])
    assert scanner.end() is End.MISSING_DONE
    assert (out, scanner.out) == (ROLE + HELLO + STOP, b"")


def test_an_error_as_the_last_words_fails_the_stream():
    scanner, _, _ = fed(ROLE, HELLO, STOP, ERROR[:-2])
    assert scanner.end() is End.TRUNCATED
    assert scanner.out == b""
    assert scanner.error is not None
    assert scanner.error.failure is FailureClass.SERVER_ERROR


def test_all_choices_must_finish():
    first, second = chunk({"content": "a"}), chunk({"content": "b"}, index=1)
    end_first, end_second = STOP, chunk({}, index=1, finish_reason="length")
    scanner, _, _ = fed(first, second, end_first)
    assert not scanner.complete
    assert scanner.end() is End.TRUNCATED
    scanner, _, _ = fed(first, second, end_first, chunk({"content": ""}), end_second)
    assert scanner.complete
    assert scanner.end() is End.MISSING_DONE
    scanner, _, _ = fed(first, end_first, second)
    assert not scanner.complete


def test_the_last_usage_counts():
    early = chunk({"content": "x"}, usage={"prompt_tokens": 12, "completion_tokens": 1})
    scanner, _, _ = fed(early, early, chunk({}, finish_reason="stop", usage=None), USAGE)
    assert scanner.usage == (12, 2)
    assert fed(early, early)[0].usage == (12, 1)
    assert fed(ROLE)[0].usage is None
