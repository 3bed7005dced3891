"""What goes wrong in a stream, put into one that was right: as meant (events) or as sent (bytes).

Rule: a fault is noted by its kind before anybody judges it; whether it fails the stream is the reference's
business, not the generator's. Some of these are no faults at all and only look like one.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from tests.reference.failures import WORDS
from tests.reference.grammar import MARKERS, Draw, Event

UNREADABLE: Final[tuple[bytes, ...]] = (
    b"hello",
    b"{",
    b"}",
    b'{"choices":[{"index":0,"delta":{"content":"cut',
    b'{"type":"content_block_delta","del',
    b"{}{}",
    b"{},{}",
    b"{} {}",
    b'{"a":1}5',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":1,}',
    b'{"a":01}',
    b"{'a':1}",
    b'{"a":"\xff"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\xc3',
    b'{"a":"\\x"}',
    b'{"a":"\\u12"}',
    b'{"a":"\x01"}',
    b'{"a":"\t"}',
    b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b"null",
    b"5",
    b'"[DONE]"',
    b"[]",
    b"[{}]",
    b"\xef\xbb\xbf{}",
    b"<!doctype html><title>Sign in</title>",
)
"""Data that is no JSON object."""
READABLE: Final[tuple[bytes, ...]] = (
    b"{}",
    b' {"a":1}',
    b'{"a":1} ',
    b'\t{ "a" : 1 }',
    b'{"a":"\\ud83d"}',
    b'{"a":"\\ude00\\ud83d"}',
    b'{"a":1e999}',
    b'{"a":' + b"1" * 400 + b"}",
    b'{"a":' + b"9" * 5000 + b"}",
    b'{"a":-0,"b":1e-999,"c":18446744073709551616}',
    b'{"a":1,"a":2}',
    b'{"error":{"code":500},"error":null}',
    b'{"error":null,"error":{"code":"server_error"}}',
    b'{"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}',
    b'{"choices":[{"index":0,"text":"\\ude00"}]}',
    b'{"choices":[{"index":18446744073709551616,"delta":{"content":"a"}}]}',
    b'{"choices":[{"index":0,"index":1,"delta":{"content":"a"}}],"choices":[]}',
    b'{"usage":{"prompt_tokens":1e3,"completion_tokens":99999999999999999999}}',
    b'{"type":"response.output_text.delta","delta":"\\ud83d"}',
    b'{"type":"response.output_text.delta","sequence_number":1e999}',
    b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"\\ud83d"}}',
    b'{"type":"content_block_delta","type":"ping","delta":{}}',
    b'{"type":"response.completed"}',
    b'{"type":"response.failed"}',
    b'{"a":' * 300 + b"1" + b"}" * 300,
)
"""Objects that readers are known to differ on, or that look as if they did."""
NOISE: Final[tuple[bytes, ...]] = (
    b"retry: 100\n\n",
    b"id: 7\n\n",
    b"event: ping\n\n",
    b"event\n\n",
    b"data:\n\n",
    b"data\n\n",
    b"data: \n\n",
    b"notes: x\n\n",
    b": comment\n\n",
    b":\n\n",
    b":\n",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\r",
    b"\xef\xbb\xbf",
    b"\x00\n\n",
    b"event: error\n\n",
    b"event: error\ndata: boom\n\n",
    b'data: {"a":\ndata: 1}\n\n',
    b'data: {"a":1}\ndata: {"b":2}\n\n',
    b'data: {"a":1\n,"b":2}\n\n',
    b'data: {"a":1\r,"b":2}\n\n',
    b"data: [DONE]\n\n",
    b"data: [DO",
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)
"""Bytes between events."""


def _told(draw: Draw, events: list[Event]) -> list[Event]:
    """The vendor reports an error, in one of the places where vendors do."""
    word = draw.one([*WORDS])
    error: Any = {draw.one(("code", "type")) if type(word) is str else "code": word, "message": "m"}
    error = draw.one((error, error, error, error, "boom", draw.odd()))
    shapes: tuple[tuple[str, Any], ...] = (
        ("", {"error": error}),
        ("error", {"error": error}),
        ("error", {"type": "error", "error": error, "request_id": "req_1"}),
        ("", {"type": "error", "error": error}),
        ("", {"choices": [{"index": 0, "delta": {}, "error": error}]}),
        ("", {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "error"}]}),
        ("", {"id": "c", "choices": [{"index": 0, "delta": {"content": "x"}}], "error": error}),
        ("response.failed", {"type": "response.failed", "response": {"status": "failed", "error": error}}),
        ("response.in_progress", {"type": "response.in_progress", "response": {"status": "failed"}}),
        ("content_block_delta", {"type": "content_block_delta", "delta": {"text": "x"}, "error": error}),
        ("content_block_stop", {"type": "content_block_stop", "index": 0, "error": error}),
        ("ping", {"type": "ping", "error": error}),
        ("error", error),
    )
    name, value = draw.one(shapes)
    return _put(draw, events, [Event(name, draw.write(value))])


def _unreadable(draw: Draw, events: list[Event]) -> list[Event]:
    return _put(draw, events, [Event(_name(draw, events), draw.one(UNREADABLE))])


def _readable(draw: Draw, events: list[Event]) -> list[Event]:
    data = draw.one(READABLE)
    found = TYPE.match(data)
    name = found[1].decode() if found is not None and draw.chance(0.7) else _name(draw, events)
    return _put(draw, events, [Event(name, data)])


TYPE: Final = re.compile(rb'{"type":"([a-z_.]+)"')


def _cut_and_doubled(draw: Draw, events: list[Event]) -> list[Event]:
    """Two events that are whole only together, and one that is two: a count of objects is right."""
    name = _name(draw, events)
    inner = b'"type":"%b",' % name.encode() + b'"delta":{},'
    halves = [b"{%b" % inner + b'"x":[{}', b"{}]}"]
    joint = draw.one((b"},{", b"},{", b"}{", b"} {"))
    double = b"{%b" % inner + b'"y":1%b%b"z":2}' % (joint, inner)
    if draw.chance(0.3):
        halves = halves[: draw.randrange(2)]
    return _put(draw, events, [Event(name, each) for each in (*halves, double)])


def _raw_texts(draw: Draw, events: list[Event]) -> list[Event]:
    """Texts as no writer of JSON would write them, in one event or in some that follow one another."""
    at = draw.randrange(len(events) + 1)
    texts = [draw.one(RAW_TEXTS) for _ in range(draw.choice((1, 2, 3)))]
    if draw.chance(0.3):
        texts = [b"never ends\\", b'"ends twice']
    for n, (event, text) in enumerate(zip(events[at:], texts, strict=False), at):
        found = TEXT.search(event.data)
        if found is not None and event.raw is None:
            rest = event.data[event.data.find(b'"', found.end()) :]
            events[n] = Event(event.name, event.data[: found.end()] + text + rest)
    return events


TEXT: Final = re.compile(rb'"(?:content|text|delta|thinking|partial_json)": ?"')
RAW_TEXTS: Final = (
    b"a\\\\",
    b"a\\",
    b'"b',
    b'a"b',
    b'\\"',
    b'\\\\"',
    b"\\x",
    b"\\u00e9",
    b"\\u12",
    b"\\ud83d",
    b"\\ude00",
    b"\\ud83d\\ude00",
    b"\\/\\b\\f\\n\\r\\t",
    b"\\a",
    b"\\'",
    b"\\0",
    b"\xff",
    b"\xc3",
    b"\xb6",
    b"\xc3\xb6",
    b"\xed\xa0\x80",
    b"\x00",
    b"\x1f",
    b"\x7f",
    b"\t",
    b'","error":"x',
    b'"},"finish_reason":"stop","y":{"x":"',
    b'"}}],"choices":[{"delta":{"content":"',
)


def _between(draw: Draw, events: list[Event]) -> list[Event]:
    return _put(draw, events, [Event(raw=draw.one(NOISE))])


def _repeated(draw: Draw, events: list[Event]) -> list[Event]:
    """An event comes again, here or elsewhere: a second beginning, content behind the end."""
    return _put(draw, events, [draw.one(events)]) if events else events


def _left_out(draw: Draw, events: list[Event]) -> list[Event]:
    at = draw.randrange(len(events) + 1)
    return events[:at] + events[at + draw.randint(1, 2) :]


def _exchanged(draw: Draw, events: list[Event]) -> list[Event]:
    if len(events) > 1:
        at = draw.randrange(len(events) - 1)
        events[at], events[at + 1] = events[at + 1], events[at]
    return events


def _another_name(draw: Draw, events: list[Event]) -> list[Event]:
    if events:
        at = draw.randrange(len(events))
        names = (
            "",
            "message",
            "error",
            "ping",
            "content_block_delta",
            "response.completed",
            draw.one(events).name,
        )
        events[at] = Event(draw.one(names), events[at].data, events[at].raw)
    return events


def _marker_as_name(draw: Draw, events: list[Event]) -> list[Event]:
    said = json.dumps({"type": "of_next_year", "note": draw.one(MARKERS)})
    return _put(draw, events, [Event(_name(draw, events), said.encode())])


def _damaged(draw: Draw, events: list[Event]) -> list[Event]:
    """One event loses, gains or changes some bytes of its data."""
    if events:
        at = draw.randrange(len(events))
        event = events[at]
        if event.raw is None:
            events[at] = Event(event.name, damaged(draw, event.data))
    return events


def damaged(draw: Draw, data: bytes) -> bytes:
    """The bytes with a few of them lost, changed or put in."""
    at = draw.randrange(len(data) + 1)
    much = draw.choice((0, 1, 1, 1, 2, 9))
    new = draw.one(BYTES)
    return data[:at] + new + data[at + much :]


BYTES: Final = (
    b"",
    b"\n",
    b"\r",
    b"\n\n",
    b'"',
    b"\\",
    b"}",
    b"{",
    b",",
    b"\xff",
    b"\x00",
    b":",
    b" ",
    b"0",
    b"\xc3",
)

FAULTS: Final[dict[str, Callable[[Draw, list[Event]], list[Event]]]] = {
    "an error that is told": _told,
    "data that is no object": _unreadable,
    "data that readers differ on": _readable,
    "halves and doubles": _cut_and_doubled,
    "raw texts": _raw_texts,
    "noise between events": _between,
    "an event twice": _repeated,
    "an event left out": _left_out,
    "events exchanged": _exchanged,
    "another name": _another_name,
    "an event of a new type": _marker_as_name,
    "damaged data": _damaged,
}


def with_faults(draw: Draw, events: list[Event]) -> list[Event]:
    """The events with none, one or more faults in them."""
    names = [*FAULTS]
    for _ in range(draw.choice((0, 0, 0, 1, 1, 1, 1, 2, 3))):
        name = draw.one(names)
        draw.note(name)
        events = FAULTS[name](draw, events)
    return events


def _name(draw: Draw, events: list[Event]) -> str:
    """The name of one of the events, so that what is put in is of their kind."""
    return draw.one(events).name if events else ""


def _put(draw: Draw, events: list[Event], more: list[Event]) -> list[Event]:
    at = draw.randrange(len(events) + 1)
    return events[:at] + more + events[at:]
