"""What a restored journal takes back: exactly what the fold applied, and nothing that contradicts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.recorded import BatchPart
from interlock_eventlog.reunion import Decided, Divided, take_back


def decided(position: int, stream: str, version: int, batch: BatchPart | None = None) -> Decided:
    return Decided(
        position=position,
        recorded_ms=position * 1000,
        stream=stream,
        version=version,
        id=f"{stream}-{version}",
        type="ProviderRemoved",
        body=b"{}",
        batch=batch,
    )


def batch(position: int, stream: str, first: int, size: int) -> list[Decided]:
    parts = [BatchPart(id=f"{stream}-{first}", index=n, size=size) for n in range(size)]
    return [decided(position + n, stream, first + n, part) for n, part in enumerate(parts)]


def test_given_decisions_that_the_journal_lacks_then_they_are_taken_in_the_logs_order() -> None:
    found = [decided(7, "config", 3), decided(9, "pool/a", 1), decided(12, "config", 4)]
    back = take_back(found, known=set(), versions={"config": 2})
    assert [one.id for one in back.taken] == ["config-3", "pool/a-1", "config-4"]
    assert back.left == ()


def test_given_copies_and_what_is_known_then_each_is_taken_once_and_at_its_first_place() -> None:
    found = [
        decided(7, "config", 2),
        decided(8, "config", 3),
        decided(9, "config", 2),
        decided(10, "config", 3),
    ]
    back = take_back(found, known={"config-2"}, versions={"config": 2})
    assert [(one.id, one.position) for one in back.taken] == [("config-3", 8)]


def test_given_a_batch_that_is_not_whole_then_none_of_it_is_taken() -> None:
    found = [*batch(7, "config", 3, 3)[:2], decided(20, "pool/a", 1)]
    back = take_back(found, known=set(), versions={"config": 2})
    assert [one.id for one in back.taken] == ["pool/a-1"]
    assert [one.id for one in back.left] == ["config-3", "config-4"]


def test_given_a_batch_whose_copy_is_whole_then_it_is_taken() -> None:
    whole = batch(7, "config", 3, 3)
    again = [decided(one.position + 10, one.stream, one.version, one.batch) for one in whole]
    back = take_back([*whole[:1], *again], known=set(), versions={"config": 2})
    assert [one.id for one in back.taken] == ["config-3", "config-4", "config-5"]


def test_given_a_missing_version_then_what_comes_behind_it_is_left() -> None:
    back = take_back([decided(7, "config", 4)], known=set(), versions={"config": 2})
    assert (back.taken, [one.id for one in back.left]) == ((), ["config-4"])


def test_given_a_journal_that_decided_otherwise_then_it_is_refused_with_what_to_do() -> None:
    with pytest.raises(Divided, match=r"config version 3 than the log at position 7.*restore the copy again"):
        take_back([decided(7, "config", 3)], known=set(), versions={"config": 3})


@given(st.data())
def test_whatever_the_copy_lacks_then_the_journal_is_the_whole_history_again(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), max_size=12))
    log: list[Decided] = []
    versions: dict[str, int] = {}
    for stream, size in sizes:
        first = versions.get(stream, 0) + 1
        log += batch(len(log) + 1, stream, first, size)
        versions[stream] = first + size - 1
    ends = [
        0,
        *(
            n
            for n, one in enumerate(log, 1)
            if one.batch is not None and one.batch.index + 1 == one.batch.size
        ),
    ]
    kept = log[: data.draw(st.sampled_from(ends))]
    stood: dict[str, int] = {}
    for one in kept:
        stood[one.stream] = one.version
    begin = data.draw(st.integers(0, len(kept)))
    repeated = data.draw(st.integers(0, len(log)))
    back = take_back([*log[begin:], *log[repeated:]], known={one.id for one in kept}, versions=stood)
    assert [*kept, *back.taken] == log
    assert back.left == ()
