"""Batches: never too many, never too large, nothing lost between them."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_records.batches import (
    MOST_BYTES,
    MOST_RECORDS,
    TOO_LARGE,
    Batch,
    TooLarge,
    batches,
    records_of,
)
from interlock_testing.contracts.records import record


@given(st.lists(st.integers(0, 3 * MOST_BYTES), max_size=12), st.integers(0, 450))
def test_cut_into_batches_every_record_is_there_once_in_order_and_every_batch_is_small(paddings, more):
    wanted = [replace(record(n), reason="x" * size) for n, size in enumerate(paddings)]
    wanted += [record(len(paddings) + n) for n in range(more)]
    found = [one for one in batches(wanted) if isinstance(one, Batch)]
    assert [one for batch in found for one in records_of(batch.body)] == wanted
    for batch in found:
        assert batch.count == len(records_of(batch.body)) <= MOST_RECORDS
        assert len(batch.body) <= MOST_BYTES + 1 or batch.count == 1
        assert (batch.first, batch.last) == (records_of(batch.body)[0], records_of(batch.body)[-1])


def test_a_record_that_no_broker_takes_is_told_and_those_around_it_go_on():
    giant = replace(record(2), reason="x" * TOO_LARGE)
    found = list(batches([record(1), giant, record(3)]))
    lost = [one for one in found if isinstance(one, TooLarge)]
    kept = [one for batch in found if isinstance(batch, Batch) for one in records_of(batch.body)]
    assert [one.request_id for one in lost] == [giant.request_id]
    assert lost[0].size > TOO_LARGE
    assert kept == [record(1), record(3)]


def test_a_batch_is_plain_json_that_other_programs_read():
    (batch,) = batches([record(1), record(2)])
    assert isinstance(batch, Batch)
    assert [one["request_id"] for one in msgspec.json.decode(batch.body)] == ["req000001", "req000002"]
