"""Upcasting is pure, ends, and every body ever written stays readable."""

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.events import Event
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.codec import CODEC
from interlock_eventlog.upcast import EVENT_TYPES, STEPS, VERSIONS, upcast

CORPUS = Path(__file__).parents[2] / "data" / "events"
SAMPLES = sorted(CORPUS.glob("v*/*.json"))


def spelled_out(value: Any) -> Any:
    """A value with every default written, so that a changed default shows."""
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return {name: spelled_out(getattr(value, name)) for name in names}
    if isinstance(value, tuple | list):
        return [spelled_out(one) for one in value]
    if isinstance(value, dict):
        return {key: spelled_out(one) for key, one in value.items()}
    return value


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recorded_body_reads_as_it_did_when_it_was_written(path):
    for sample in json.loads(path.read_text()):
        found = CODEC.decode(json.dumps(sample["body"]).encode(), 1, 1)
        assert isinstance(found, RecordedEvent), found
        assert json.loads(json.dumps(spelled_out(found.event))) == sample["reads"]


def test_every_event_type_and_version_has_recorded_samples():
    there = {
        (sample["body"]["type"], sample["body"]["v"])
        for path in SAMPLES
        for sample in json.loads(path.read_text())
    }
    written = {(name, v) for name, current in VERSIONS.items() for v in range(1, current + 1)}
    assert written | set(STEPS) <= there


def test_every_step_leads_to_what_is_written_today():
    for name, v in STEPS:
        last = [step for step in STEPS if step[0] == name]
        assert (name, v) in last
    assert set(VERSIONS) == {cls.__name__ for cls in get_args(Event)} == set(EVENT_TYPES)


def _grow(data):
    return "Grown", {**data, "grown": True}


CHAIN = {("Seed", 0): _grow, ("Grown", 1): _grow, ("Grown", 2): lambda data: ("Tree", data)}


@given(st.dictionaries(st.text(), st.integers()))
def test_steps_run_in_a_row_and_leave_the_old_data_alone(data):
    before = dict(data)
    assert upcast("Seed", 0, data, CHAIN) == ("Tree", 3, {**before, "grown": True})
    assert data == before
    assert upcast("Grown", 2, data, CHAIN) == ("Tree", 3, before)


@given(st.text(), st.integers(), st.dictionaries(st.text(), st.integers()))
def test_without_a_step_nothing_changes(name, v, data):
    assert upcast(name, v, data, {}) == (name, v, data)
