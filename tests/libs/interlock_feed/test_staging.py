"""Rows and commits in any order of arrival: the reader's table is right or old, never wrong, never back."""

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_domain.digest import table_digest
from interlock_domain.rows import CLUSTER_KEY, CommitRow
from interlock_feed.feed import FeedUpdate
from interlock_feed.order import follows
from interlock_feed.staging import TOMBSTONE_KEPT_S, Staging, Stamp, StampedRow
from tests.libs.interlock_feed.adapters.feeding import closing

Record = StampedRow | CommitRow
KEYS = ("a", "b", "c", "d")


def row(key: str, payload: bytes | None, position: int, *, epoch: int = 1, generation: int = 1) -> StampedRow:
    return StampedRow(key=key, payload=payload, stamp=Stamp(generation, epoch, position))


class Reader:
    """A staging and what a reader makes of its updates; every update is checked as it comes."""

    def __init__(self, floor: CommitRow | None = None) -> None:
        self.staging = Staging(floor)
        self.rows: dict[str, bytes] = {}
        self.commit = floor
        self.updates: list[FeedUpdate] = []

    def give(self, *records: Record, now: float = 0.0, take: bool = True) -> None:
        for record in records:
            if isinstance(record, CommitRow):
                self.staging.commit(record, now)
            else:
                self.staging.row(record, now)
            if take:
                self.take()

    def take(self) -> FeedUpdate | None:
        update = self.staging.take()
        if update is None:
            return None
        merged = update.rows if update.whole else {**self.rows, **update.rows}
        self.rows = {key: payload for key, payload in merged.items() if payload is not None}
        assert follows(update.commit, self.commit), "a version went back"
        assert table_digest(self.rows) == update.commit.digest, "a table is not what its commit promised"
        self.commit = update.commit
        self.updates.append(update)
        return update


class History:
    """What owners publish one after another, as records in the order of the topic."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.records: list[Record] = []
        self.position = 0
        self.owner = (1, 1)

    def publish(self, changes: dict[str, bytes | None]) -> None:
        self.position += 1
        generation, epoch = self.owner
        for key, payload in changes.items():
            stamped = row(key, payload, self.position, epoch=epoch, generation=generation)
            self.records.append(stamped)
            if payload is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = payload
        self.records.append(closing(self.rows, self.position, epoch=epoch, generation=generation))


CHANGES = st.dictionaries(st.sampled_from(KEYS), st.none() | st.binary(min_size=1, max_size=2), max_size=3)


@st.composite
def histories(draw: st.DrawFn, *, owners: int = 1) -> History:
    history = History()
    for epoch in range(1, owners + 1):
        history.owner = (1, epoch)
        for changes in draw(st.lists(CHANGES, min_size=1, max_size=8)):
            history.publish(changes)
    return history


@st.composite
def delivered(draw: st.DrawFn, records: Sequence[Record]) -> list[Record]:
    """Every record at least once: some twice, some late, some only when they were sent again."""
    places = st.integers(0, len(records) + 6)
    out: list[tuple[int, int, Record]] = []
    for n, record in enumerate(records):
        fate = draw(st.sampled_from(("in time", "in time", "twice", "late", "lost and sent again")))
        if fate != "lost and sent again":
            out.append((n if fate != "late" else n + draw(places), n, record))
        if fate in {"twice", "lost and sent again"}:
            out.append((n + draw(places), n, record))
    return [record for _, _, record in sorted(out, key=lambda entry: entry[:2])]


@given(st.data())
def test_given_duplicates_losses_delays_and_another_order_then_the_table_is_the_same_in_the_end(
    data: st.DataObject,
) -> None:
    history = data.draw(histories())
    reader = Reader()
    for record in data.draw(delivered(history.records)):
        reader.give(record, take=data.draw(st.booleans()))
    reader.take()
    assert reader.rows == history.rows
    assert reader.commit == history.records[-1]
    assert reader.staging.unproved is None


@given(st.data())
def test_given_several_owners_and_any_delivery_then_a_wrong_table_is_never_told_and_reading_anew_heals(
    data: st.DataObject,
) -> None:
    history = data.draw(histories(owners=3))
    reader = Reader()
    reader.give(*data.draw(delivered(history.records)))
    anew = Reader(floor=reader.commit)
    anew.give(*history.records)
    assert anew.rows == history.rows
    assert anew.updates[0].whole


@given(st.data())
def test_given_a_replaced_owner_that_goes_on_writing_then_readers_that_tail_see_none_of_it(
    data: st.DataObject,
) -> None:
    history = data.draw(histories(owners=2))
    first = next(n for n, r in enumerate(history.records) if isinstance(r, CommitRow) and r.epoch == 2)
    reader, mixed = Reader(), list(history.records)
    for _ in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(1, 40))
        written = (
            closing({"a": b"zombie"}, position, epoch=1)
            if data.draw(st.booleans())
            else row(data.draw(st.sampled_from((*KEYS, "new"))), b"zombie", position, epoch=1)
        )
        mixed.insert(data.draw(st.integers(first + 1, len(mixed))), written)
    reader.give(*mixed)
    assert reader.rows == history.rows
    assert reader.commit == history.records[-1]


def compacted(records: Sequence[Record], upto: int) -> list[Record]:
    """What a cleaner leaves that has come as far as `upto`: of each key the last record before that."""
    last = {_key(record): n for n, record in enumerate(records[:upto])}
    return [r for n, r in enumerate(records) if n >= upto or last[_key(r)] == n]


def _key(record: Record) -> str:
    return "_commit" if isinstance(record, CommitRow) else record.key


@given(st.data())
@settings(max_examples=50)
def test_given_compaction_up_to_anywhere_then_a_new_reader_has_the_same_table(data: st.DataObject) -> None:
    history = data.draw(histories(owners=2))
    upto = data.draw(st.integers(0, len(history.records)))
    reader = Reader()
    reader.give(*compacted(history.records, upto), take=False)
    update = reader.take()
    assert update is not None
    assert update.whole
    assert reader.rows == history.rows


def proved(position: int, rows: dict[str, bytes], *, epoch: int = 1) -> Iterable[Record]:
    return (
        *(row(k, v, position, epoch=epoch) for k, v in rows.items()),
        closing(rows, position, epoch=epoch),
    )


def test_given_rows_without_their_commit_then_nothing_is_told() -> None:
    reader = Reader()
    reader.give(row("a", b"1", 1))
    assert reader.updates == []
    assert reader.staging.unproved is None


def test_given_a_commit_before_its_last_row_then_it_is_told_when_the_row_comes() -> None:
    reader = Reader()
    reader.give(row("a", b"1", 1), closing({"a": b"1", "b": b"1"}, 1))
    assert (reader.updates, reader.staging.unproved) == ([], closing({"a": b"1", "b": b"1"}, 1))
    reader.give(row("b", b"1", 1))
    assert reader.rows == {"a": b"1", "b": b"1"}


def test_given_a_row_of_the_next_commit_already_then_it_does_not_spoil_this_one() -> None:
    reader = Reader()
    reader.give(row("a", b"1", 1), row("b", b"2", 2), closing({"a": b"1"}, 1))
    assert reader.rows == {"a": b"1"}
    reader.give(closing({"a": b"1", "b": b"2"}, 2))
    assert reader.rows == {"a": b"1", "b": b"2"}


def test_given_a_removed_key_then_a_late_older_row_does_not_bring_it_back_within_the_hour() -> None:
    reader = Reader()
    reader.give(*proved(1, {"a": b"1", "b": b"1"}))
    reader.give(row("a", None, 3), closing({"b": b"1"}, 3))
    reader.give(row("a", b"late", 2), closing({"b": b"1"}, 4), now=TOMBSTONE_KEPT_S)
    assert reader.rows == {"b": b"1"}
    assert reader.commit == closing({"b": b"1"}, 4)


def test_given_an_hour_after_a_removal_then_its_stamp_is_forgotten() -> None:
    reader = Reader()
    reader.give(*proved(1, {"a": b"1"}))
    reader.give(row("a", None, 3), closing({}, 3))
    reader.give(closing({}, 4), now=TOMBSTONE_KEPT_S + 1)
    assert reader.staging.row(row("a", b"2", 2), TOMBSTONE_KEPT_S + 1)


def test_given_a_key_removed_and_set_again_then_the_hour_does_not_take_it() -> None:
    reader = Reader()
    reader.give(*proved(1, {"a": b"1"}))
    reader.give(row("a", None, 2), closing({}, 2))
    reader.give(*proved(3, {"a": b"3"}))
    reader.give(closing({"a": b"3"}, 4), now=TOMBSTONE_KEPT_S + 1)
    assert not reader.staging.row(row("a", b"old", 2), TOMBSTONE_KEPT_S + 1)


def test_given_a_floor_then_older_commits_are_not_told_again_and_an_equal_one_is() -> None:
    reader = Reader(floor=closing({"a": b"2"}, 2))
    reader.give(*proved(1, {"a": b"1"}))
    assert (reader.updates, reader.staging.unproved) == ([], closing({"a": b"1"}, 1))
    reader.give(*proved(2, {"a": b"2"}))
    assert [update.whole for update in reader.updates] == [True]


def test_the_cluster_row_travels_outside_the_digest() -> None:
    reader = Reader()
    reader.give(row(CLUSTER_KEY, b"key", 1), row("a", b"1", 1), closing({"a": b"1"}, 1))
    assert reader.rows == {"a": b"1", CLUSTER_KEY: b"key"}
