"""Placing events is a function of the versions alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.recorded import BatchPart
from interlock_eventlog.log import Appended, ReusedId, VersionConflict
from interlock_eventlog.placing import Place, Plan, plan_append, repeated_append
from interlock_testing.contracts.samples import decision, one


def test_a_second_append_of_one_call_sees_the_first():
    plan = plan_append([one("s", 3, decision("a")), one("s", 4, decision("b"))], lambda _: 3)
    assert isinstance(plan, Plan)
    assert [(placed.version, placed.batch) for placed in plan.placed] == [
        (4, BatchPart(id="a", index=0, size=2)),
        (5, BatchPart(id="a", index=1, size=2)),
    ]
    assert plan.versions == {"s": 5}
    refused = plan_append([one("s", 3, decision("a")), one("s", 3, decision("b"))], lambda _: 3)
    assert refused == VersionConflict(stream="s", expected=3, actual=4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=6), st.integers(0, 9))
def test_versions_are_contiguous_per_stream_and_indices_over_the_batch(sizes, start):
    appends = [
        one(stream, None, *(decision(f"{n}-{m}") for m in range(size)))
        for n, (stream, size) in enumerate(sizes)
    ]
    plan = plan_append(appends, lambda _: start)
    assert isinstance(plan, Plan)
    assert [placed.batch.index for placed in plan.placed] == list(range(len(plan.placed)))
    for stream in "abc":
        versions = [placed.version for placed in plan.placed if placed.stream == stream]
        assert versions == list(range(start + 1, start + 1 + len(versions)))
        if stream in plan.versions:
            assert plan.versions[stream] == start + len(versions)


def test_nothing_is_nothing():
    assert plan_append([], lambda _: 5) == Plan(placed=(), versions={})
    assert repeated_append([], lambda _: None) is None


def test_a_repeat_answers_the_last_place_and_each_streams_version():
    places = {"a": Place(3, "s", 1), "b": Place(4, "s", 2), "c": Place(5, "t", 9)}
    appends = [one("s", 0, decision("a"), decision("b")), one("t", 8, decision("c"))]
    assert repeated_append(appends, places.get) == Appended(
        position=5, versions={"s": 2, "t": 9}, repeated=True
    )


def test_known_and_new_ids_in_one_append_are_a_mistake():
    with pytest.raises(ReusedId):
        repeated_append([one("s", 0, decision("a"), decision("b"))], {"b": Place(1, "s", 1)}.get)
