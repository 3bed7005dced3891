"""A streamed message goes out from its first content on, and never past what would corrupt it in a client."""

import json

import pytest

from interlock_domain.words import FailureClass
from interlock_protocols.errors import OwnError
from interlock_protocols.messages.scanner import MessagesScanner
from interlock_protocols.streams.verdict import End, Verdict
from tests.libs.interlock_protocols.messages.parts import (
    BEGIN,
    CLOSE,
    COMMENT,
    ENDING,
    ERROR,
    HELLO,
    INPUT,
    MALFORMED,
    PING,
    START,
    STOP,
    TOOL,
    WHOLE,
    WORLD,
    begin,
    delta,
    ending,
    named,
    part,
    start,
    text,
)

V = Verdict
ERROR_VALUE = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
DELTA_VALUE = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}


def fed(*chunks: bytes) -> tuple[MessagesScanner, list[Verdict], bytes]:
    """A scanner after these chunks, its verdicts and everything that went out."""
    scanner = MessagesScanner()
    verdicts, out = [], b""
    for each in chunks:
        verdicts.append(scanner.feed(each))
        out += scanner.out
    return scanner, verdicts, out


def test_a_whole_message_commits_at_its_first_content_and_goes_out_as_received():
    scanner, verdicts, out = fed(START, PING, COMMENT, BEGIN, HELLO, WORLD, CLOSE, ENDING, STOP)
    assert verdicts == [V.HOLD] * 4 + [V.COMMIT] + [V.PASS] * 4
    assert out == START + PING + COMMENT + BEGIN + HELLO + WORLD + CLOSE + ENDING + STOP
    assert (scanner.finished, scanner.complete, scanner.saw_content) == (True, True, True)
    assert (scanner.usage, scanner.model, scanner.events) == ((12, 9), "m-1", 8)
    assert scanner.end() is End.COMPLETE
    assert scanner.error is None


def test_a_whole_message_in_one_chunk_is_the_same_bytes_object():
    scanner, verdicts, _ = fed(WHOLE)
    assert verdicts == [V.COMMIT]
    assert scanner.out is WHOLE
    assert (scanner.events, scanner.finished) == (8, True)


def test_a_committed_chunk_of_whole_events_is_not_copied():
    scanner, _, _ = fed(START + BEGIN + HELLO)
    for both in (WORLD + HELLO, WORLD + CLOSE + PING + TOOL + INPUT):
        assert scanner._is_quiet(both)
        assert scanner.feed(both) is V.PASS
        assert scanner.out is both


@pytest.mark.parametrize(
    "content",
    [
        text(" "),
        delta("thinking_delta", thinking="hm"),
        delta("thinking_delta", thinking="", estimated_tokens=50),
        delta("input_json_delta", partial_json="{"),
        delta("citations_delta", citation={"type": "char_location"}),
        delta("compaction_delta", content="so far"),
        delta("of_next_year", anything=1),
        begin(type="text", text="at once"),
        begin(type="tool_use", id="t", name="read", input={}),
        begin(type="server_tool_use", id="t", name="web_search", input={}),
        begin(type="redacted_thinking", data="xyz"),
        begin(type="web_search_tool_result", tool_use_id="t", content=[]),
    ],
)
def test_what_a_user_waits_for_commits(content):
    _, verdicts, out = fed(START, content)
    assert verdicts == [V.HOLD, V.COMMIT]
    assert out == START + content


@pytest.mark.parametrize(
    "held",
    [
        PING,
        b"event: ping\ndata: {}\n\n",
        b'data: {"type":"ping"}\n\n',
        COMMENT,
        BEGIN,
        begin(type="thinking", thinking="", signature=""),
        begin(type="compaction", content=None),
        text(""),
        delta("thinking_delta", thinking="", estimated_tokens=None),
        delta("signature_delta", signature="xyz"),
        delta("input_json_delta", partial_json=""),
        CLOSE,
        ending(None),
        part("of_next_year", anything=1),
        named("of_next_year", {}),
        b'data: {"of":"a proxy"}\n\n',
    ],
)
def test_preamble_is_held(held):
    scanner, verdicts, out = fed(START, held)
    assert (verdicts, out) == ([V.HOLD] * 2, b"")
    assert not scanner.committed
    assert scanner.feed(HELLO) is V.COMMIT
    assert scanner.out == START + held + HELLO


def test_text_that_speaks_of_errors_is_content():
    said = text('event: error\n\ndata: {"type": "error", "error": {"type": "api_error"}} event: message_stop')
    scanner, verdicts, out = fed(START, said, said + said, CLOSE + ENDING + STOP)
    assert verdicts == [V.HOLD, V.COMMIT, V.PASS, V.PASS]
    assert out == START + said * 3 + CLOSE + ENDING + STOP
    assert scanner.end() is End.COMPLETE


def test_too_much_preamble_commits_and_content_after_it_still_counts():
    scanner, verdicts, out = fed(START, *[BEGIN] * 8, HELLO)
    assert verdicts == [V.HOLD] * 8 + [V.COMMIT, V.PASS]
    assert out == START + BEGIN * 8 + HELLO
    assert scanner.saw_content


@pytest.mark.parametrize("sign", [PING, b"event: ping\ndata: {}\n\n", COMMENT, b"data: [DONE]\n\n"])
def test_signs_of_life_are_no_preamble_that_could_commit(sign):
    scanner, verdicts, out = fed(START, *[sign] * 50, BEGIN)
    assert set(verdicts) == {V.HOLD}
    assert (out, scanner.thinking) == (b"", False)
    assert fed(START, *[PING] * 3000)[0].committed  # but bytes are bytes


def test_thinking_that_is_not_shown_is_told_and_may_be_let_go():
    thought = begin(type="thinking", thinking="", signature="")
    scanner, verdicts, _ = fed(START, thought, PING)
    assert (set(verdicts), scanner.thinking) == ({V.HOLD}, True)
    scanner.commit()
    assert (scanner.out, scanner.committed) == (START + thought + PING, True)
    assert (scanner.feed(PING), scanner.out) == (V.PASS, PING)
    assert (scanner.feed(HELLO), scanner.saw_content) == (V.PASS, True)
    assert not fed(START, BEGIN, PING)[0].thinking


@pytest.mark.parametrize(
    "error",
    [
        ERROR,
        named("error", {"error": {"message": "boom"}}),
        named("content_block_delta", ERROR_VALUE),
        named("ping", ERROR_VALUE),
        b"data: %b\n\n" % json.dumps(ERROR_VALUE).encode(),
        b'data: {"error":{"message":"boom","code":502}}\n\n',
        b'data: {"type":"error","message":"boom"}\n\n',
        named("content_block_delta", {**DELTA_VALUE, "error": {"message": "boom"}}),
        b"event: error\ndata: boom\n\n",
        b"event: error\ndata: [1]\n\n",
        b"event: error\n\n",
        b'event: error\r\ndata: {"type":"error","error":{"message":"boom"}}\r\n\r\n',
    ],
)
def test_an_error_at_any_place_fails_the_stream_and_never_goes_out(error):
    for preamble in (b"", START, START + BEGIN):
        scanner, verdicts, out = fed(preamble + error)
        assert (verdicts, out, scanner.committed) == ([V.ERROR], b"", False)
    scanner, verdicts, out = fed(START + BEGIN + HELLO + error)
    assert (verdicts, out) == ([V.ERROR], b"")
    for chunks in ([WORLD + error + WORLD], [WORLD, error + WORLD], [WORLD, CLOSE + error]):
        scanner, verdicts, out = fed(START + BEGIN, HELLO, *chunks, STOP)
        assert verdicts[-2:] == [V.ERROR] * 2
        assert out == (START + BEGIN + HELLO + b"".join(chunks)).split(error)[0]
        assert scanner.error is not None
        assert scanner.error.message
        assert not scanner.finished


def test_an_error_has_the_class_of_its_type():
    scanner, _, _ = fed(START, ERROR)
    assert scanner.error is not None
    assert (scanner.error.failure, scanner.error.status) == (FailureClass.OVERLOAD, 529)
    assert scanner.end() is End.TRUNCATED


@pytest.mark.parametrize(
    "malformed",
    [
        MALFORMED,
        b"event: content_block_delta\ndata: hello\n\n",
        b"event: of_next_year\ndata: hello\n\n",
        b"data: hello\n\n",
        b"event: of_next_year\ndata: [1]\n\n",
        b"event: content_block_delta\ndata: [DONE]\n\n",
        b'event: ping\ndata: {"a":"\xff"}\n\n',
        b"data: %b\n\n" % json.dumps(DELTA_VALUE).encode(),
        named("ping", DELTA_VALUE),
        named("content_block_stop", DELTA_VALUE),
        named("of_next_year", DELTA_VALUE),
        named("content_block_delta", {**DELTA_VALUE, "type": "of_next_year"}),
        named("content_block_delta", {**DELTA_VALUE, "type": None}),
        named("content_block_delta", {**DELTA_VALUE, "type": ["content_block_delta"]}),
        named("message_stop", {}),
        part("content_block_delta", index=0),
        part("content_block_delta", index=0, delta="x"),
        part("content_block_start", index=0, content_block=None),
        part("message_delta", usage={}),
        START,
        HELLO[:-2] + b"\ndata: {}\n\n",
        b"event: content_block_delta\ndata: " + b"[" * 5000 + b"]" * 5000 + b"\n\n",
    ],
)
def test_what_would_break_or_mislead_a_client_never_goes_out(malformed):
    scanner, verdicts, out = fed(START, malformed)
    assert (verdicts, out) == ([V.HOLD, V.MALFORMED], b"")
    for chunks in ([WORLD + malformed + WORLD], [WORLD, malformed], [WORLD, CLOSE + malformed + STOP]):
        scanner, verdicts, out = fed(START + BEGIN, HELLO, *chunks)
        assert verdicts[-1] is V.MALFORMED
        assert out == START + BEGIN + HELLO + b"".join(chunks).split(malformed)[0]
        assert scanner.error is not None
        assert scanner.error.failure is FailureClass.MALFORMED


@pytest.mark.parametrize("early", [BEGIN, HELLO, CLOSE, ENDING, STOP])
def test_a_part_before_the_message_has_started_is_malformed(early):
    assert fed(PING, early)[1] == [V.HOLD, V.MALFORMED]
    assert fed(part("message_start"))[1] == [V.MALFORMED]


@pytest.mark.parametrize("noise", [b"retry: 100\n\n", b"id: 7\n\n", b"event: ping\n\n", b"data: [DONE]\n\n"])
def test_an_event_that_says_nothing_and_breaks_clients_is_dropped(noise):
    scanner, verdicts, out = fed(noise + START, HELLO + noise, WORLD + noise + ENDING, noise, STOP)
    assert verdicts == [V.HOLD, V.COMMIT, V.PASS, V.PASS, V.PASS]
    assert out == START + HELLO + WORLD + ENDING + STOP
    assert scanner.end() is End.COMPLETE


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda stream: stream.replace(b"\n", b"\r\n"),
        lambda stream: stream.replace(b"\n", b"\r"),
        lambda stream: stream.replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
        lambda stream: stream.replace(b', "index"', b',\ndata: "index"'),
        lambda stream: stream.replace(b"\n\n", b"\n\n\n"),
        lambda stream: stream.replace(b"\n\n", b"\n\n: ping\n\n"),
        lambda stream: b"\xef\xbb\xbf" + stream,
    ],
)
def test_every_spelling_of_an_event_stream_is_read(rewrite):
    stream = rewrite(WHOLE)
    for size in (1, 7, 100, len(stream)):
        scanner, _, out = fed(*(stream[i : i + size] for i in range(0, len(stream), size)))
        wanted = stream.removeprefix(b"\xef\xbb\xbf")
        assert out == wanted[: len(out)]
        assert not wanted[len(out) :].strip(b"\r\n: ping")
        assert (scanner.finished, scanner.events, scanner.usage) == (True, 8, (12, 9))


def test_nothing_goes_out_behind_the_last_event():
    scanner, verdicts, out = fed(START, HELLO, ENDING + STOP + HELLO, HELLO, ERROR)
    assert verdicts[-3:] == [V.PASS] * 3
    assert out == START + HELLO + ENDING + STOP
    assert scanner.end() is End.COMPLETE


def test_a_stop_reason_without_content_is_an_answer():
    scanner, verdicts, out = fed(START, ENDING, STOP)
    assert verdicts == [V.HOLD, V.COMMIT, V.PASS]
    assert (out, scanner.end()) == (START + ENDING + STOP, End.COMPLETE)


@pytest.mark.parametrize(
    "chunks", [(START, STOP), (START, HELLO, CLOSE, STOP), (START, HELLO, ending(None), STOP)]
)
def test_a_last_event_without_a_stop_reason_is_a_cut_in_disguise(chunks):
    scanner, verdicts, out = fed(*chunks)
    assert verdicts[-1] is V.ERROR
    assert STOP not in out
    assert scanner.error is not None
    assert (scanner.error.failure, scanner.error.code) == (FailureClass.TRUNCATED, "stop_without_reason")
    assert scanner.end() is End.TRUNCATED


def test_content_after_a_stop_reason_makes_the_answer_incomplete_again():
    for more in (HELLO, BEGIN, HELLO + WORLD + HELLO + WORLD + HELLO):
        scanner, _, _ = fed(START, HELLO, ENDING, more)
        assert not scanner.complete
        assert scanner.end() is End.TRUNCATED
        scanner, _, _ = fed(START, HELLO, ENDING, more, ENDING)
        assert scanner.end() is End.MISSING_DONE


@pytest.mark.parametrize(
    ("chunks", "end"),
    [
        ([], End.EMPTY),
        ([COMMENT], End.EMPTY),
        ([b'{"type":"error"}'], End.EMPTY),
        ([START], End.TRUNCATED),
        ([START, HELLO], End.TRUNCATED),
        ([START, HELLO, CLOSE, ENDING[:-9]], End.TRUNCATED),
        ([START, HELLO, CLOSE, ENDING], End.MISSING_DONE),
        ([START, HELLO, CLOSE, ENDING, STOP[:-9]], End.MISSING_DONE),
        ([START, HELLO, CLOSE, ENDING, b"data: [DONE]\n\n"], End.MISSING_DONE),
        ([START, HELLO, CLOSE, ENDING, b"event: message_stop\n\n"], End.MISSING_DONE),
        ([START, HELLO, CLOSE, ENDING, STOP[:-2]], End.COMPLETE),
    ],
)
def test_an_end_is_what_the_stream_was_worth(chunks, end):
    scanner, _, _ = fed(*chunks)
    assert scanner.end() is end
    assert (scanner.error is None) is (end in (End.COMPLETE, End.MISSING_DONE))


def test_the_last_event_that_may_be_appended_ends_a_stream():
    scanner, _, _ = fed(START, HELLO, ENDING, MessagesScanner.last_event)
    assert scanner.end() is End.COMPLETE
    assert scanner.out == b""


def test_usage_is_the_input_of_the_start_and_the_output_of_the_end():
    cached = start(input_tokens=3, cache_read_input_tokens=90, cache_creation_input_tokens=7, output_tokens=1)
    assert fed(cached)[0].usage == (100, 1)
    assert fed(cached, HELLO, ending("end_turn", output_tokens=5))[0].usage == (100, 5)
    corrected = ending("end_turn", input_tokens=4, cache_read_input_tokens=None, output_tokens=5)
    assert fed(cached, HELLO, corrected)[0].usage == (101, 5)
    assert fed(cached, HELLO, ending(None, output_tokens=2), ending("end_turn", output_tokens=6))[
        0
    ].usage == (100, 6)
    assert fed(PING)[0].usage is None


def test_our_own_error_inside_a_stream_has_its_name():
    error = MessagesScanner().in_band(OwnError(502, "truncated", "gone", None, "req_9", "upstream_error"))
    scanner, verdicts, _ = fed(START, HELLO, error)
    assert error.startswith(b"event: error\ndata: {")
    assert verdicts[-1] is V.ERROR
    assert scanner.error is not None
    assert (scanner.error.message, scanner.error.code) == ("gone", "truncated")
