"""A streamed legacy completion commits at its first text; the rest is as in chat."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock_domain.words import FailureClass
from interlock_protocols.completions.scanner import CompletionScanner
from interlock_protocols.errors import OwnError
from interlock_protocols.streams.verdict import End, Verdict
from tests.libs.interlock_protocols.chunks import COMMENT, DONE, ERROR, event

V = Verdict


def chunk(text: Any, *, index: int = 0, finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}
    return event({"id": "cmpl-1", "object": "text_completion", "model": "m-1", "choices": [choice], **more})


EMPTY = chunk("")
ONCE = chunk("Once")
UPON = chunk(" upön")
STOP = chunk("", finish_reason="stop")
USAGE = event({"id": "cmpl-1", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 2}})
OTHER = chunk("Twice", index=1)
OTHER_STOP = chunk("", index=1, finish_reason="length")
MALFORMED = b'data: {"choices":[{"index":0,"text":"cut\n\n'
IN_CHOICE = event({"choices": [{"index": 0, "text": "", "error": {"code": 502}}]})
NAMED = b'event: error\ndata: {"message":"boom"}\n\n'


def fed(*chunks: bytes) -> tuple[CompletionScanner, list[Verdict], bytes]:
    """A scanner after these chunks, its verdicts and everything that went out."""
    scanner = CompletionScanner()
    verdicts, out = [], b""
    for each in chunks:
        verdicts.append(scanner.feed(each))
        out += scanner.out
    return scanner, verdicts, out


def test_a_whole_stream_commits_at_its_first_text_and_goes_out_as_received():
    scanner, verdicts, out = fed(EMPTY, COMMENT, ONCE, UPON, STOP, USAGE, DONE)
    assert verdicts == [V.HOLD, V.HOLD, V.COMMIT, V.PASS, V.PASS, V.PASS, V.PASS]
    assert out == EMPTY + COMMENT + ONCE + UPON + STOP + USAGE + DONE
    assert (scanner.usage, scanner.model, scanner.events) == ((12, 2), "m-1", 6)
    assert scanner.end() is End.COMPLETE
    assert scanner.error is None


def test_a_committed_chunk_of_whole_events_is_not_copied():
    scanner, _, _ = fed(ONCE)
    burst = UPON + ONCE * 50
    assert scanner.feed(burst) is V.PASS
    assert scanner.out is burst
    assert scanner.events == 52


@pytest.mark.parametrize(
    "held",
    [
        EMPTY,
        chunk(None),
        event({"choices": [{"index": 0, "delta": {"content": "a chat answer"}, "finish_reason": None}]}),
        event({"choices": [{"index": 0, "text": "", "logprobs": {"tokens": []}, "token_ids": [5]}]}),
        event({"choices": []}),
        event({}),
        COMMENT,
    ],
)
def test_what_has_no_text_is_held(held):
    _, verdicts, out = fed(held)
    assert (verdicts, out) == ([V.HOLD], b"")


@pytest.mark.parametrize("chunks", [[ONCE], [EMPTY + UPON], [chunk(" ")], [STOP], [OTHER]])
def test_a_text_or_a_finish_reason_commits(chunks):
    _, verdicts, out = fed(*chunks)
    assert (verdicts, out) == ([V.COMMIT], b"".join(chunks))


def test_text_that_speaks_of_errors_is_content():
    text = 'event: error\n\ndata: {"error": {"code": 500}} [DONE] "finish_reason": "error"'
    scanner, verdicts, out = fed(chunk(text), chunk(text), STOP, DONE)
    assert verdicts == [V.COMMIT, V.PASS, V.PASS, V.PASS]
    assert out == chunk(text) * 2 + STOP + DONE
    assert scanner.end() is End.COMPLETE


def test_an_error_before_text_leaves_nothing_out():
    scanner, verdicts, out = fed(EMPTY, ERROR)
    assert (verdicts, out) == ([V.HOLD, V.ERROR], b"")
    assert scanner.error is not None
    assert (scanner.error.failure, scanner.error.status) == (FailureClass.SERVER_ERROR, 503)


@pytest.mark.parametrize(
    ("bad", "verdict"),
    [
        (ERROR, V.ERROR),
        (IN_CHOICE, V.ERROR),
        (NAMED, V.ERROR),
        (chunk("", finish_reason="error"), V.ERROR),
        (chunk("x", error={"code": "server_error"}), V.ERROR),
        (MALFORMED, V.MALFORMED),
        (b"data: hello\n\n", V.MALFORMED),
        (b"data: []\n\n", V.MALFORMED),
        (b'data: {"choices":[{"text":"\xff"}]}\n\n', V.MALFORMED),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_what_fails_a_stream_never_goes_out(bad, verdict, alone):
    chunks = [ONCE, UPON, bad + UPON] if alone else [ONCE, UPON + bad + UPON]
    scanner, verdicts, out = fed(*chunks, UPON, DONE)
    assert verdicts[-3:] == [verdict] * 3
    assert out == ONCE + UPON
    assert scanner.error is not None
    assert not scanner.finished


def test_each_prompts_choice_must_finish():
    scanner, _, _ = fed(ONCE, OTHER, STOP)
    assert scanner.end() is End.TRUNCATED
    scanner, _, _ = fed(ONCE, OTHER, STOP, OTHER + OTHER_STOP)
    assert scanner.end() is End.MISSING_DONE
    assert scanner.last_event == DONE
    scanner, _, _ = fed(OTHER, ONCE, OTHER_STOP)
    assert scanner.end() is End.TRUNCATED


def test_a_late_chunk_does_not_open_a_finished_choice_again():
    scanner, _, out = fed(ONCE, STOP, EMPTY)
    assert out == ONCE + STOP + EMPTY
    assert scanner.end() is End.MISSING_DONE


def test_a_sentinel_without_an_answer_is_a_failure():
    scanner, verdicts, out = fed(EMPTY, DONE)
    assert (verdicts, out) == ([V.HOLD, V.ERROR], b"")
    assert scanner.error is not None
    assert scanner.error.failure is FailureClass.TRUNCATED


@pytest.mark.parametrize(
    ("chunks", "end"),
    [
        ([], End.EMPTY),
        ([COMMENT], End.EMPTY),
        ([EMPTY], End.TRUNCATED),
        ([ONCE], End.TRUNCATED),
        ([ONCE, STOP[:-9]], End.TRUNCATED),
        ([ONCE, STOP], End.MISSING_DONE),
        ([ONCE, STOP, DONE[:-1]], End.COMPLETE),
        ([ONCE, DONE], End.COMPLETE),
    ],
)
def test_an_end_is_what_the_stream_was_worth(chunks, end):
    scanner, _, _ = fed(*chunks)
    assert scanner.end() is end
    assert (scanner.error is None) is (end in (End.COMPLETE, End.MISSING_DONE))


def test_nothing_goes_out_behind_the_sentinel():
    scanner, _, out = fed(ONCE, STOP + DONE + UPON, ERROR)
    assert out == ONCE + STOP + DONE
    assert scanner.end() is End.COMPLETE


def test_an_in_band_error_is_that_of_chat():
    said = CompletionScanner().in_band(OwnError(502, "truncated", "broke off"))
    assert said.startswith(b"data: {")
    assert said.endswith(b"}\n\n")
    assert json.loads(said[6:])["error"]["code"] == "truncated"


GOOD = [EMPTY, ONCE, ONCE, UPON, UPON, STOP, USAGE, COMMENT]
EVENTS = [*GOOD, OTHER, OTHER_STOP, DONE, ERROR, IN_CHOICE, NAMED, MALFORMED]
events = st.lists(st.sampled_from(GOOD) | st.sampled_from(EVENTS), max_size=14)
cuts = st.lists(st.integers(0, 2500), max_size=12)


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({min(each, len(stream)) for each in at} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(edges)]


def state(scanner: CompletionScanner) -> tuple[Any, ...]:
    return (
        scanner.complete,
        scanner.saw_content,
        scanner.finished,
        scanner.usage,
        scanner.model,
        scanner.events,
        scanner.error,
    )


@given(events, cuts)
@example([EMPTY, ONCE, ERROR], [])
@example([ONCE, UPON, MALFORMED, UPON], [400])
@example([EMPTY] * 12, [10, 20])
def test_cuts_change_neither_the_verdict_nor_the_bytes(stream, at):
    whole, pieces = CompletionScanner(), CompletionScanner()
    expected = out = b""
    verdict = last = V.HOLD
    for each in stream:
        verdict = whole.feed(each)
        expected += whole.out
    for piece in cut(b"".join(stream), at):
        last = pieces.feed(piece)
        out += pieces.out
    failed = (V.ERROR, V.MALFORMED)
    assert (last if last in failed else None) is (verdict if verdict in failed else None)
    if pieces.committed:  # an error in the piece of the first text keeps everything back
        assert out == expected
    if verdict not in failed:
        assert state(pieces) == state(whole)
        assert pieces.committed is whole.committed
        assert pieces.end() is whole.end()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "choices", "text", "index", "finish_reason", "usage"]), inner
        )
    ),
    max_leaves=15,
)


def plain(text: bytes) -> bytes:
    """The same event in two lines, which only the full reading takes."""
    return b"event: message\n" + text if text.startswith(b"data: ") else text


@given(events | st.lists(json_values.map(event), max_size=5))
def test_the_quick_reading_and_the_full_one_agree(stream):
    quick, full = CompletionScanner(), CompletionScanner()
    quick.feed(ONCE)
    full.feed(plain(ONCE))
    for each in stream:
        assert quick.feed(each) is full.feed(plain(each))
    burst = CompletionScanner()
    burst.feed(ONCE)
    burst.feed(b"".join(stream))
    assert state(quick) == state(full) == state(burst)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([*EVENTS, b"\n\n", b"\r", b"data: "]), max_size=25))
def test_any_bytes_are_judged_and_only_received_bytes_go_out(pieces):
    scanner = CompletionScanner()
    out = b""
    for piece in pieces:
        assert scanner.feed(piece) in Verdict
        out += scanner.out
    assert scanner.end() in End
    assert len(out) <= len(b"".join(pieces))
    assert out == b"" or scanner.committed
