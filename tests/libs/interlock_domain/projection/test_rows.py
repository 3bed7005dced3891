"""Rows: canonical payloads, changes, and the digest that readers check."""

import msgspec

from interlock_domain import digest as readers
from interlock_domain.events import CooldownSet
from interlock_domain.projection.rows import (
    all_rows,
    commit_row,
    table_digest,
    take_changed_rows,
    target_row,
)
from interlock_domain.projection.state import empty_state
from interlock_domain.rows import TargetRow
from tests.libs.interlock_domain.projection.story import OTHER, T0, TARGET, Story, cooled, ramping


def test_an_empty_log_has_no_rows() -> None:
    state = empty_state()
    assert take_changed_rows(state) == all_rows(state) == {}
    assert table_digest(state) == "0" * 32


def test_a_healthy_fleet_has_only_its_catalog() -> None:
    story = Story("g1").declares(TARGET, OTHER)
    story.counted(50)
    assert list(take_changed_rows(story.state)) == ["catalog"]
    story.counted(50)
    assert take_changed_rows(story.state) == {}


def test_a_cooldown_changes_one_row_and_its_end_removes_it() -> None:
    story = Story("g1").declares(TARGET, OTHER)
    take_changed_rows(story.state)
    ramping(story)
    taken = take_changed_rows(story.state)
    assert list(taken) == [f"target/{TARGET}"]
    story.at(story.now + 30_000).ticks()
    assert take_changed_rows(story.state) == {f"target/{TARGET}": None}


def test_a_change_and_its_undoing_between_two_commits_are_nothing() -> None:
    story = Story().declares(TARGET)
    take_changed_rows(story.state)
    story.pool("chat", TARGET)
    taken = take_changed_rows(story.state)
    story.pool("chat", TARGET)
    assert take_changed_rows(story.state) == {}
    assert "catalog" in taken


def test_a_payload_reads_back_as_the_row() -> None:
    story = cooled()
    story.decide(f"target/{TARGET}", CooldownSet(target=TARGET, shape="*", duration_ms=5))
    story.fails(times=2, shape="embeddings")
    payload = all_rows(story.state)[f"target/{TARGET}"]
    assert msgspec.json.decode(payload, type=TargetRow) == target_row(story.state, TARGET)


def test_the_digest_is_the_one_that_readers_compute() -> None:
    story = cooled()
    rows = all_rows(story.state)
    assert table_digest(story.state) == readers.table_digest(rows)
    framed = {**rows, "_commit": b"{}", "_cluster": b"{}"}
    assert readers.table_digest(framed) == readers.table_digest(rows)


def test_a_commit_says_where_the_table_stands() -> None:
    story = cooled()
    row = commit_row(story.state, generation=2, epoch=7)
    assert (row.generation, row.epoch, row.position) == (2, 7, story.log[-1].position)
    assert (row.log_ms, row.gateways) == (T0, ("g1",))
    assert row.digest == readers.table_digest(all_rows(story.state))


def test_a_commit_does_not_take_the_rows_away() -> None:
    story = cooled()
    commit_row(story.state, generation=1, epoch=1)
    assert set(take_changed_rows(story.state)) == {"catalog", f"target/{TARGET}"}
