"""A streamed response goes out from its first delta on, is over at its end, and says how it failed."""

import json
from typing import Any

import pytest

from interlock_domain.words import FailureClass
from interlock_protocols.errors import OwnError
from interlock_protocols.responses.scanner import ResponsesScanner
from interlock_protocols.streams.sse import BOM
from interlock_protocols.streams.verdict import End, Verdict
from tests.libs.interlock_protocols.responses.events import (
    ANSWER,
    COMMENT,
    COMPLETED,
    CREATED,
    DONE,
    FAILED,
    HELLO,
    IN_PROGRESS,
    INCOMPLETE,
    ITEM,
    ITEM_DONE,
    MALFORMED,
    PART,
    PART_DONE,
    PREAMBLE,
    TEXT_DONE,
    WORLD,
    delta,
    event,
    failed,
    response,
)

V = Verdict
BROKEN = OwnError(502, "truncated", "it broke off", None, "req-1", "upstream_error")


def fed(*chunks: bytes) -> tuple[ResponsesScanner, list[Verdict], bytes]:
    """A scanner after these chunks, its verdicts and everything that went out."""
    scanner = ResponsesScanner()
    verdicts, out = [], b""
    for each in chunks:
        verdicts.append(scanner.feed(each))
        out += scanner.out
    return scanner, verdicts, out


def test_a_whole_stream_commits_at_its_first_delta_and_is_over_at_its_end() -> None:
    closing = (TEXT_DONE, PART_DONE, ITEM_DONE, COMPLETED)
    scanner, verdicts, out = fed(CREATED, IN_PROGRESS, ITEM, PART, HELLO, WORLD, *closing)
    assert verdicts == [V.HOLD] * 4 + [V.COMMIT] + [V.PASS] * 5
    assert out == ANSWER + DONE
    assert (scanner.finished, scanner.complete, scanner.saw_content) == (True, True, True)
    assert (scanner.usage, scanner.model, scanner.events) == ((12, 2), "m-1", 10)
    assert scanner.end() is End.COMPLETE
    assert (scanner.error, scanner.out) == (None, b"")


@pytest.mark.parametrize("end", [COMPLETED, INCOMPLETE])
@pytest.mark.parametrize("behind", [b"", DONE, event("ping"), MALFORMED, FAILED])
def test_the_end_of_the_answer_is_the_end_of_the_stream_whatever_follows(end, behind) -> None:
    for chunks in ([PREAMBLE + HELLO, end + behind], [PREAMBLE + HELLO, end, behind]):
        scanner, verdicts, out = fed(*chunks)
        assert set(verdicts[1:]) == {V.PASS}
        assert out == PREAMBLE + HELLO + end + DONE
        assert (scanner.finished, scanner.end()) == (True, End.COMPLETE)


def test_a_committed_chunk_of_whole_events_is_not_copied() -> None:
    scanner, _, _ = fed(PREAMBLE, HELLO)
    both = WORLD + HELLO
    assert scanner.feed(both) is V.PASS
    assert scanner.out is both


@pytest.mark.parametrize(
    "kind",
    [
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.mcp_call_arguments.delta",
        "response.code_interpreter_call_code.delta",
        "response.shell_call_command.delta",
        "response.audio.delta",
        "response.output_item.done",
        "response.image_generation_call.partial_image",
        "acme:thought.delta",
    ],
)
def test_what_a_user_waits_for_commits(kind) -> None:
    content = event(kind, sequence_number=4)
    _, verdicts, out = fed(PREAMBLE, content)
    assert verdicts == [V.HOLD, V.COMMIT]
    assert out == PREAMBLE + content


@pytest.mark.parametrize(
    "held",
    [
        CREATED,
        event("response.queued", response=response()),
        IN_PROGRESS,
        ITEM,
        PART,
        event("response.reasoning_summary_part.added", summary_index=0),
        event("response.web_search_call.searching"),
        event("keepalive", sequence_number=3),
        COMMENT,
        b"\n\n",
    ],
)
def test_preamble_is_held(held) -> None:
    scanner, verdicts, out = fed(held)
    assert (verdicts, out) == ([V.HOLD], b"")
    assert not scanner.committed


def test_text_that_speaks_of_ends_and_errors_is_content() -> None:
    text = 'event: response.completed\n\ndata: {"error": {"code": 500}} [DONE] "type":"response.failed"'
    said = [delta(4, text), delta(5, text)]
    _, verdicts, out = fed(PREAMBLE, *said, b"".join(said), COMPLETED)
    assert verdicts == [V.HOLD, V.COMMIT, V.PASS, V.PASS, V.PASS]
    assert out == PREAMBLE + b"".join(said) * 2 + COMPLETED + DONE


def test_a_request_that_is_echoed_does_not_fill_the_hold() -> None:
    tools = [{"type": "function", "name": f"tool_{n}", "parameters": {"doc": "x" * 900}} for n in range(150)]
    first, second = (
        event(
            f"response.{kind}", sequence_number=n, response=response(tools=tools, instructions="y" * 40_000)
        )
        for n, kind in enumerate(("created", "in_progress"))
    )
    assert len(first) > 150_000
    scanner, verdicts, out = fed(first, second, ITEM, PART, FAILED)
    assert (verdicts, out) == ([V.HOLD] * 4 + [V.ERROR], b"")
    assert fed(first, second, ITEM, HELLO)[2] == first + second + ITEM + HELLO
    scanner, verdicts, _ = fed(*[first] * 6)
    assert (verdicts, scanner.committed) == ([V.HOLD] * 5 + [V.COMMIT], True)  # a MiB is enough


def test_other_preamble_fills_the_hold_as_ever() -> None:
    big = event("response.output_item.added", sequence_number=2, item={"type": "message", "x": "y" * 70_000})
    assert fed(CREATED, big)[1] == [V.HOLD, V.COMMIT]


@pytest.mark.parametrize(
    "sign",
    [event("keepalive", sequence_number=3), event("ping"), b"event: heartbeat\ndata: {}\n\n", COMMENT],
)
def test_signs_of_life_are_no_preamble_that_could_commit(sign) -> None:
    scanner, verdicts, out = fed(CREATED, *[sign] * 50, ITEM)
    assert (set(verdicts), out, scanner.thinking) == ({V.HOLD}, b"", False)


def test_reasoning_that_is_not_shown_is_told_and_may_be_let_go() -> None:
    reasons = event(
        "response.output_item.added", sequence_number=2, item={"type": "reasoning", "summary": []}
    )
    scanner, verdicts, _ = fed(CREATED, reasons)
    assert (verdicts, scanner.thinking) == ([V.HOLD] * 2, True)
    scanner.commit()
    assert (scanner.out, scanner.feed(HELLO), scanner.saw_content) == (CREATED + reasons, V.PASS, True)
    assert not fed(CREATED, ITEM)[0].thinking


def test_a_long_preamble_commits_and_an_answer_may_follow() -> None:
    scanner, verdicts, out = fed(*[IN_PROGRESS] * 9, HELLO, COMPLETED)
    assert verdicts == [V.HOLD] * 8 + [V.COMMIT] + [V.PASS] * 2
    assert out == IN_PROGRESS * 9 + HELLO + COMPLETED + DONE
    assert scanner.end() is End.COMPLETE


@pytest.mark.parametrize("end", [COMPLETED, INCOMPLETE])
def test_an_end_without_content_is_an_answer(end) -> None:
    scanner, verdicts, out = fed(CREATED, end)
    assert (verdicts, out) == ([V.HOLD, V.COMMIT], CREATED + end + DONE)
    assert scanner.end() is End.COMPLETE


ERRORS = [
    (FAILED, FailureClass.SERVER_ERROR),
    (failed(), FailureClass.SERVER_ERROR),
    (failed(code="rate_limit_exceeded", message="m"), FailureClass.RATE_LIMIT),
    (failed(code="insufficient_quota", message="m"), FailureClass.BILLING),
    (event("response.failed"), FailureClass.SERVER_ERROR),
    (event("response.failed", error={"code": 529, "message": "m"}), FailureClass.OVERLOAD),
    (
        event("response.failed", response=response(status="failed"), error={"code": 429}),
        FailureClass.RATE_LIMIT,
    ),
    (event("response.output_text.delta", delta="x", error={"code": 502}), FailureClass.DISCONNECT),
    (event("error", code="rate_limit_exceeded", message="m", param=None), FailureClass.RATE_LIMIT),
    (event("error", error={"type": "invalid_request_error", "message": "m"}), FailureClass.CALLER_FAULT),
    (event("error", name="", code="server_is_overloaded", message="m"), FailureClass.OVERLOAD),
    (event("", name="unknown", error={"message": "m", "code": 404}), FailureClass.CALLER_FAULT),
    (b'data: {"error":{"message":"m","code":"503"}}\n\n', FailureClass.SERVER_ERROR),
    (b'data: {"error":"boom"}\n\n', FailureClass.SERVER_ERROR),
    (b'event: error\ndata: {"message":"boom","type":"rate_limit_error"}\n\n', FailureClass.RATE_LIMIT),
    (b"event: error\ndata: boom\n\n", FailureClass.SERVER_ERROR),
    (b"event: error\n\n", FailureClass.SERVER_ERROR),
    (b'event: error\r\ndata: {"error":{"message":"boom"}}\r\n\r\n', FailureClass.SERVER_ERROR),
    (event("response.completed", response=response(status="failed")), FailureClass.SERVER_ERROR),
    (event("response.in_progress", response=response(error={"code": "502"})), FailureClass.DISCONNECT),
]


@pytest.mark.parametrize(("error", "failure"), ERRORS)
def test_an_error_before_content_leaves_nothing_out(error, failure) -> None:
    for chunks in ([CREATED, error], [CREATED + HELLO + error]):
        scanner, verdicts, out = fed(*chunks)
        assert (verdicts[-1], out, scanner.committed) == (V.ERROR, b"", False)
        assert scanner.error is not None
        assert scanner.error.failure is failure
        assert scanner.end() is End.TRUNCATED


@pytest.mark.parametrize(("error", "failure"), ERRORS)
@pytest.mark.parametrize("alone", [True, False])
def test_an_error_after_content_never_goes_out(error, failure, alone) -> None:
    chunks = [PREAMBLE, HELLO, WORLD, error + WORLD] if alone else [PREAMBLE, HELLO, WORLD + error + WORLD]
    scanner, verdicts, out = fed(*chunks, WORLD, COMPLETED)
    assert verdicts[-3:] == [V.ERROR] * 3
    assert out == PREAMBLE + HELLO + WORLD
    assert scanner.error is not None
    assert (scanner.error.failure, scanner.finished) == (failure, False)
    assert scanner.error.message


def test_what_the_upstream_said_of_its_failure_is_kept() -> None:
    scanner, _, _ = fed(failed(code="rate_limit_exceeded", message="Please try again in 2 s."))
    assert scanner.error is not None
    assert (scanner.error.code, scanner.error.message) == ("rate_limit_exceeded", "Please try again in 2 s.")


@pytest.mark.parametrize(
    "malformed",
    [
        MALFORMED,
        event("response.completed", name="response.output_text.delta"),
        event("response.output_text.delta", name="response.completed"),
        b'event: response.completed\ndata: {"response":{}}\n\n',
        b'data: {"id":"c-1","choices":[{"index":0,"delta":{"content":"a chat chunk"}}]}\n\n',
        b'event: message\ndata: {"a":1}\n\n',
        b"data: hello\n\n",
        b"data: 5\n\n",
        b"data: []\n\n",
        b'data: "[DONE]"\n\n',
        b'data: {"type":7}\n\n',
        b'data: {"type":"a","b":"\xff"}\n\n',
        b'event: a\ndata: {"type":"a"}{"type":"a"}\n\n',
        b'event: a\ndata: {"type":"a"\n,"b":2}\n\n',
        b'event: a\ndata: {"type":"a"\r,"b":2}\n\n',
        b'event: a\ndata: {"type":"a"}\nid: 7\nevent: b\ndata: {"type":"b"}\n\n',
        b'event: a\nevent: b\ndata: {"type":"a"}\n\n',
        b'event: a\ndata: {"type":"a"}\ndata: {"type":"a"}\n\n',
        b"event: a\ndata: " + b"[" * 5000 + b"]" * 5000 + b"\n\n",
    ],
)
def test_a_malformed_event_never_goes_out(malformed) -> None:
    scanner, verdicts, out = fed(CREATED, malformed)
    assert (verdicts, out) == ([V.HOLD, V.MALFORMED], b"")
    for chunks in ([malformed], [WORLD + malformed + WORLD]):
        scanner, verdicts, out = fed(PREAMBLE, HELLO, *chunks)
        assert verdicts[-1] is V.MALFORMED
        assert out == PREAMBLE + HELLO + (WORLD if chunks[0] != malformed else b"")
        assert scanner.error is not None
        assert scanner.error.failure is FailureClass.MALFORMED


def test_events_that_are_whole_only_together_are_malformed() -> None:
    start, middle, two = b'{"type":"a","x":[{}', b'{"type":"a"}]}', b'{"type":"a"},{"type":"a"}'
    burst = b"".join(b"event: a\ndata: " + each + b"\n\n" for each in (start, middle, two))
    _, verdicts, out = fed(PREAMBLE + HELLO, burst)
    assert (verdicts[-1], out) == (V.MALFORMED, PREAMBLE + HELLO)


@pytest.mark.parametrize(
    "noise",
    [
        b"retry: 100\n\n",
        b"id: 7\n\n",
        b"event: ping\n\n",
        b"data:\n\n",
        b"event: ping\ndata: {}\n\n",
        b'event: a\nnotes:{"type":"a"}\n\n',
        b'notes:{"type":"a"}\n\n',
    ],
)
def test_an_event_that_says_nothing_and_breaks_clients_is_dropped(noise) -> None:
    scanner, verdicts, out = fed(noise + CREATED, noise + HELLO + noise, WORLD + noise, noise, COMPLETED)
    assert verdicts == [V.HOLD, V.COMMIT, V.PASS, V.PASS, V.PASS]
    assert out == CREATED + HELLO + WORLD + COMPLETED + DONE
    assert scanner.end() is End.COMPLETE


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda stream: BOM + stream,
        lambda stream: stream.replace(b"\n", b"\r\n"),
        lambda stream: stream.replace(b"\n", b"\r"),
        lambda stream: stream.replace(b"data: ", b"data:"),
        lambda stream: stream.replace(b"event: ", b"event:"),
        lambda stream: b"".join(line for line in stream.splitlines(True) if not line.startswith(b"event")),
        lambda stream: b"".join(
            b"event: message\n" if line.startswith(b"event") else line for line in stream.splitlines(True)
        ),
        lambda stream: stream.replace(b', "sequence_number"', b',\ndata: "sequence_number"'),
        lambda stream: stream.replace(b"\n\n", b"\n\n: ping\n\n"),
    ],
)
def test_every_spelling_of_an_event_stream_is_read(rewrite) -> None:
    stream = rewrite(ANSWER)
    for size in (1, 7, 100, len(stream)):
        scanner, _, out = fed(*(stream[i : i + size] for i in range(0, len(stream), size)))
        assert out.endswith(DONE)
        assert stream.removeprefix(BOM).startswith(out.removesuffix(DONE))
        assert (scanner.events, scanner.usage, scanner.end()) == (10, (12, 2), End.COMPLETE)


def test_a_sentinel_before_the_end_of_the_answer_is_a_cut() -> None:
    for chunks in ([CREATED, DONE], [PREAMBLE, HELLO, DONE], [PREAMBLE + HELLO, WORLD + DONE]):
        scanner, verdicts, out = fed(*chunks)
        assert verdicts[-1] is V.ERROR
        assert DONE not in out
        assert scanner.error is not None
        assert scanner.error.failure is FailureClass.TRUNCATED
        assert scanner.end() is End.TRUNCATED


@pytest.mark.parametrize(
    ("chunks", "end"),
    [
        ([], End.EMPTY),
        ([COMMENT], End.EMPTY),
        ([b'{"error":{"message":"no stream"}}'], End.EMPTY),
        ([CREATED], End.TRUNCATED),
        ([PREAMBLE, HELLO, ITEM_DONE], End.TRUNCATED),
        ([PREAMBLE, HELLO, COMPLETED[:-9]], End.TRUNCATED),
        ([PREAMBLE, HELLO, COMPLETED[:-1]], End.COMPLETE),
        ([PREAMBLE, HELLO, COMPLETED[:-2]], End.COMPLETE),
        ([PREAMBLE, HELLO, FAILED[:-2]], End.TRUNCATED),
    ],
)
def test_an_end_is_what_the_stream_was_worth(chunks, end) -> None:
    scanner, _, _ = fed(*chunks)
    assert scanner.end() is end
    assert (scanner.error is None) is (end is End.COMPLETE)


def test_a_last_event_without_its_blank_line_goes_out_whole() -> None:
    scanner, _, out = fed(PREAMBLE, HELLO, COMPLETED[:-2])
    assert scanner.end() is End.COMPLETE
    assert out + scanner.out == PREAMBLE + HELLO + COMPLETED + DONE
    assert scanner.finished


def told(scanner: ResponsesScanner) -> dict[str, Any]:
    """Our own `response.failed`, as a client parses it."""
    name, data, blank, done = scanner.in_band(BROKEN).split(b"\n", 3)
    assert (name, blank, done) == (b"event: response.failed", b"", DONE)
    failure: dict[str, Any] = json.loads(data.removeprefix(b"data: "))
    return failure


def test_our_own_error_is_a_failed_response_and_an_error_at_the_root() -> None:
    failure = told(fed(PREAMBLE, HELLO, WORLD)[0])
    assert failure["type"] == "response.failed"
    assert failure["error"] == {
        "message": "it broke off",
        "type": "upstream_error",
        "param": None,
        "code": "truncated",
    }
    assert failure["response"]["error"] == {"code": "truncated", "message": "it broke off"}
    names = ("id", "object", "status", "model")
    assert [failure["response"][name] for name in names] == ["resp_1", "response", "failed", "m-1"]


@pytest.mark.parametrize(
    ("chunks", "number"),
    [
        ([PREAMBLE, HELLO, delta(17)], 18),
        ([PREAMBLE, HELLO, delta(17) + delta(18)], 19),
        ([PREAMBLE, HELLO, delta(17), FAILED], 18),
        ([PREAMBLE, HELLO, delta(17), delta(18) + MALFORMED], 19),
        ([PREAMBLE, HELLO, delta(17), event("keepalive")], 18),
        ([PREAMBLE, HELLO, delta(17) + event("keepalive")], 18),
        ([event("response.created", response=response()), event("a.delta"), event("a.delta") * 2], 4),
        ([PREAMBLE, event("a.delta", sequence_number="5")], 4),
        ([PREAMBLE, event("a.delta", sequence_number=2**60)], 4),
        ([PREAMBLE, event("a.delta", sequence_number=-3)], 4),
    ],
)
def test_our_own_error_has_the_next_number(chunks, number) -> None:
    assert told(fed(*chunks)[0])["sequence_number"] == number


def test_our_own_error_names_the_response_though_not_every_event_does() -> None:
    nameless = event("response.in_progress", response={"status": "in_progress"})
    assert told(fed(CREATED, nameless, HELLO)[0])["response"]["id"] == "resp_1"
    assert told(fed(HELLO)[0])["response"]["id"] is None


def test_the_last_usage_counts() -> None:
    early = event("response.in_progress", response=response(usage={"input_tokens": 12, "output_tokens": 1}))
    assert fed(early, HELLO, event("response.completed", response=response()))[0].usage == (12, 1)
    assert fed(early, HELLO, COMPLETED)[0].usage == (12, 2)
    assert fed(CREATED, HELLO)[0].usage is None


def test_our_own_error_is_one_event_whatever_the_message() -> None:
    scanner = fed(PREAMBLE, HELLO)[0]
    own = scanner.in_band(OwnError(504, "stalled", 'line\r\none\n\ndata: "[DONE]" é'))
    assert own.count(b"\n") == 5
    assert b"\r" not in own
    assert json.loads(own.splitlines()[1][6:])["error"]["type"] == "timeout_error"
