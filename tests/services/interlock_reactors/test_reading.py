"""Reading what stands on the topics: total over any bytes, and what our own senders write comes back."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.projection.effects import Effect
from interlock_eventlog.dead_letters import DeadLetter
from interlock_reactors.reading import read_effect, read_records
from interlock_reactors.taken import Taken
from interlock_runtime.kafka.records import OutRecord
from tests.services.interlock_reactors.cell import batch, numbered, opened, told

HEADERS = st.lists(
    st.tuples(st.sampled_from(("id", "ce_type", "x")), st.binary(max_size=30)), max_size=4
).map(tuple)
JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


def taken(record: OutRecord) -> Taken:
    return Taken(
        topic="t",
        partition=0,
        offset=7,
        recorded_ms=1,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


@given(st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=300), HEADERS)
def test_any_bytes_are_a_letter_or_what_they_should_be(key, value, headers):
    one = Taken(topic="t", partition=3, offset=7, recorded_ms=1, key=key, value=value, headers=headers)
    for read in (read_effect, read_records):
        found = read(one)
        if isinstance(found, DeadLetter):
            assert (found.topic, found.partition, found.offset, found.value) == ("t", 3, 7, value)
        else:
            assert isinstance(found, Effect | list)


@given(JSONISH)
def test_any_json_is_a_letter_or_what_it_should_be(value):
    import json

    body = json.dumps(value).encode()
    one = Taken(topic="t", partition=0, offset=7, recorded_ms=1, key=b"g1", value=body)
    assert isinstance(read_effect(one), DeadLetter)
    assert value == [] or isinstance(read_records(one), DeadLetter)


def test_what_the_projector_sends_is_read() -> None:
    assert read_effect(taken(told(opened(9)))) == opened(9)


def test_what_a_gateway_sends_is_read() -> None:
    found = read_records(taken(batch(numbered(1, 3))))
    assert found == numbered(1, 3)
    assert isinstance(found, list)
    assert isinstance(found[0], RequestRecord)


def test_what_the_client_could_not_take_apart_is_a_letter_with_its_place() -> None:
    one = Taken(topic="t", partition=3, offset=7, recorded_ms=0, readable=False)
    for read in (read_effect, read_records):
        found = read(one)
        assert isinstance(found, DeadLetter)
        assert (found.reason, found.partition, found.offset) == ("bad_header", 3, 7)
