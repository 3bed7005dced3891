"""The codec is total over bytes and exact over events."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_domain.events import ClockTicked, Event, ProviderRemoved, TargetRemoved
from interlock_domain.recorded import BatchPart, NewEvent, RecordedEvent, Source
from interlock_eventlog.codec import CODEC, Codec, Undecodable, UndecodableReason
from interlock_eventlog.envelope import Envelope, subject_of
from interlock_eventlog.upcast import EVENT_TYPES
from interlock_testing.contracts.samples import failure
from tests.libs.interlock_eventlog.strategies import batches, new_events, structs


def body(**changes: Any) -> bytes:
    """A valid body of TargetRemoved, changed."""
    plain = {"id": "a", "type": "TargetRemoved", "v": 1, "stream": "target/p/m", "data": {"target": "p/m"}}
    return json.dumps(plain | changes).encode()


def reason(raw: bytes) -> UndecodableReason:
    found = CODEC.decode(raw, 7, 70)
    assert isinstance(found, Undecodable)
    assert (found.position, found.recorded_ms) == (7, 70)
    assert found.detail
    return found.reason


@pytest.mark.parametrize("cls", get_args(Event), ids=lambda cls: cls.__name__)
def test_every_event_comes_back_as_it_was(cls):
    @given(structs(cls), st.none() | st.integers(1, 99), st.none() | batches())
    @settings(max_examples=30, deadline=None)
    def round_trip(event, version, batch):
        new = NewEvent(id="a", event=event)
        found = CODEC.decode(CODEC.encode(new, "s", version, batch), 3, 4)
        assert found == RecordedEvent(
            position=3, recorded_ms=4, stream="s", version=version, id="a", event=event, batch=batch
        )

    round_trip()


@given(new_events(), st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_all_metadata_comes_back(new, stream):
    found = CODEC.decode(CODEC.encode(new, stream), 1, 2)
    assert isinstance(found, RecordedEvent)
    assert found.stream == stream
    for name in NewEvent.__struct_fields__:
        assert getattr(found, name) == getattr(new, name)


def test_the_body_is_the_documented_envelope():
    new = NewEvent(
        id="g1/0/b/7",
        event=TargetRemoved(target="p/m"),
        actor="alice",
        reason="gone",
        correlation="c",
        causation="d",
        source=Source(gateway="g1", worker=1, boot="b", seq=7),
        age_ms=5,
        traceparent="t",
    )
    raw = CODEC.encode(new, "target/p/m", 3, BatchPart(id="x", index=0, size=1))
    assert list(json.loads(raw)) == list(Envelope.__struct_fields__)
    assert list(json.loads(raw)) == [
        "id", "type", "v", "stream", "version", "batch", "actor", "reason",
        "correlation", "causation", "source", "age_ms", "traceparent", "data",
    ]  # fmt: skip
    assert json.loads(raw)["data"] == {"target": "p/m"}
    assert b"\n" not in raw


def test_what_says_nothing_is_left_out():
    raw = CODEC.encode(NewEvent(id="t", event=ClockTicked()), "clock")
    assert json.loads(raw) == {"id": "t", "type": "ClockTicked", "v": 1, "stream": "clock", "data": {}}


def test_unknown_fields_of_a_later_version_are_accepted():
    raw = body(later={"x": 1}, data={"target": "p/m", "later": [1]})
    found = CODEC.decode(raw, 1, 1)
    assert isinstance(found, RecordedEvent)
    assert found.event == TargetRemoved(target="p/m")


def test_given_a_body_whose_data_comes_first_then_it_reads_the_same():
    turned = dict(reversed(json.loads(body()).items()))
    tricky = {**turned, "actor": 'says "type":"ClockTicked"'}
    found = CODEC.decode(json.dumps(tricky, separators=(",", ":")).encode(), 1, 1)
    assert isinstance(found, RecordedEvent)
    assert found.event == TargetRemoved(target="p/m")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"nonsense", b"[1]", b"{}", b"\xff\xfe", b'{"id":"a"', body()[:-1],
        body(id=None), body(v="1"), body(stream=3), body(source={"gateway": "g"}), b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_bad_json(raw):
    assert reason(raw) is UndecodableReason.BAD_JSON


def test_a_type_that_nobody_knows_is_named():
    found = CODEC.decode(body(type="TargetPainted", version=4), 1, 1)
    assert isinstance(found, Undecodable)
    assert (found.reason, found.type) == (UndecodableReason.UNKNOWN_TYPE, "TargetPainted")
    assert (found.stream, found.version) == ("target/p/m", 4)


def test_a_later_version_is_a_future_version():
    assert reason(body(v=2)) is UndecodableReason.FUTURE_VERSION


@pytest.mark.parametrize(
    "raw",
    [
        body(v=0),
        body(data={}),
        body(data={"target": 1}),
        body(data=None),
        body(data=[]),
        body().replace(b'"p/m"', b'"\\ud800"'),
        body(data={"target": "p/m", "deep": "X"}).replace(b'"X"', b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_data_that_does_not_fit_is_bad_data(raw):
    assert reason(raw) in {UndecodableReason.BAD_DATA, UndecodableReason.BAD_JSON}
    assert b"\xff" in raw or raw.startswith(b"{")


@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(raw):
    assert isinstance(CODEC.decode(raw, 1, 1), Undecodable)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_damage_to_a_body_makes_it_raise(data):
    raw = bytearray(CODEC.encode(failure(1), "gateway/g1"))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(CODEC.decode(bytes(raw), 1, 1), RecordedEvent | Undecodable)


def test_every_event_type_is_known_by_its_tag():
    assert {cls.__struct_config__.tag for cls in get_args(Event)} == set(EVENT_TYPES)


def test_the_subject_of_single_attempts_is_their_target_else_the_stream():
    assert subject_of("gateway/g1", failure(1, target="p/x").event) == "target/p/x"
    assert subject_of("provider/p", ProviderRemoved(provider="p")) == "provider/p"


def _renamed(data):
    return "TargetRemoved", {"target": data["name"]}


def _prefixed(data):
    return "TargetRemoved", {"target": f"p/{data['target']}"}


EVOLVED = Codec(
    steps={("TargetDropped", 0): _renamed, ("TargetRemoved", 1): _prefixed, ("TargetRemoved", 2): _prefixed},
    versions={"TargetRemoved": 3, "ClockTicked": 1},
)


@pytest.mark.parametrize(
    ("type_", "v", "data", "target"),
    [
        ("TargetDropped", 0, {"name": "m"}, "p/p/m"),
        ("TargetRemoved", 1, {"target": "m"}, "p/p/m"),
        ("TargetRemoved", 2, {"target": "m"}, "p/m"),
        ("TargetRemoved", 3, {"target": "m"}, "m"),
    ],
)
def test_older_bodies_are_led_up_step_by_step(type_, v, data, target):
    found = EVOLVED.decode(body(type=type_, v=v, data=data), 1, 1)
    assert isinstance(found, RecordedEvent)
    assert found.event == TargetRemoved(target=target)
    assert (found.stream, found.id) == ("target/p/m", "a")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (body(type="TargetDropped", v=0, data={}), UndecodableReason.BAD_DATA),
        (body(type="TargetDropped", v=0, data=[]), UndecodableReason.BAD_DATA),
        (body(type="TargetDropped", v=1), UndecodableReason.UNKNOWN_TYPE),
        (body(v=4), UndecodableReason.FUTURE_VERSION),
        (body(v=0), UndecodableReason.BAD_DATA),
    ],
)
def test_an_upcaster_that_meets_odd_data_is_a_reason_and_no_error(raw, why):
    found = EVOLVED.decode(raw, 1, 1)
    assert isinstance(found, Undecodable)
    assert found.reason is why


def test_an_evolved_codec_writes_todays_version():
    raw = EVOLVED.encode(NewEvent(id="a", event=TargetRemoved(target="x")), "s", 1)
    assert msgspec.json.decode(raw)["v"] == 3
    found = EVOLVED.decode(raw, 1, 1)
    assert isinstance(found, RecordedEvent)
    assert found.event == TargetRemoved(target="x")
