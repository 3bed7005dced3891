"""The last known good table is whole or absent, whatever happened to its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from interlock_feed.adapters.file import MAGIC, FileProblem, SnapshotFile
from interlock_testing.contracts.samples import commit_row
from interlock_testing.contracts.snapshots import SnapshotStoreContract


class TestSnapshotFile(SnapshotStoreContract):
    @contextmanager
    def opened(self) -> Iterator[SnapshotFile]:
        with TemporaryDirectory() as folder:
            yield SnapshotFile(Path(folder) / "snapshot")


@pytest.fixture
def file(tmp_path):
    return SnapshotFile(tmp_path / "snapshot")


def test_a_missing_file_says_so(file):
    assert file.load() is None
    assert file.problem is FileProblem.MISSING


def test_given_a_file_cut_anywhere_then_it_is_no_table_and_no_error(file):
    file.save(commit_row(1), {"a": b"1", "b": b"2" * 100}, 1000)
    whole = file.path.read_bytes()
    for length in range(len(whole)):
        file.path.write_bytes(whole[:length])
        assert file.load() is None
        assert file.problem is FileProblem.TORN
    file.path.write_bytes(whole)
    assert file.load() is not None
    assert file.problem is None


def test_given_any_flipped_byte_behind_the_first_line_then_it_is_torn(file):
    file.save(commit_row(1), {"a": b"1"}, 1000)
    whole = file.path.read_bytes()
    for index in range(len(MAGIC), len(whole)):
        file.path.write_bytes(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
        assert file.load() is None
        assert file.problem is FileProblem.TORN


def test_a_file_of_another_layout_is_named_as_such(file, tmp_path):
    file.path.write_bytes(b"interlock-snapshot-9\n" + b"x" * 100)
    assert file.load() is None
    assert file.problem is FileProblem.OTHER_LAYOUT


def test_a_right_checksum_over_another_structure_is_another_layout(file):
    other = SnapshotFile(file.path)
    other.save(commit_row(1), {}, 0)
    body = msgspec.msgpack.encode({"unlike": "it"})
    from hashlib import sha256

    file.path.write_bytes(MAGIC + sha256(body).digest() + body)
    assert file.load() is None
    assert file.problem is FileProblem.OTHER_LAYOUT


def test_a_folder_in_its_place_is_unreadable_and_no_error(file):
    file.path.mkdir()
    assert file.load() is None
    assert file.problem is FileProblem.UNREADABLE


def test_given_a_crash_before_the_rename_then_the_old_table_stays(file):
    file.save(commit_row(1), {"a": b"1"}, 1000)
    file.path.with_name("snapshot.new").write_bytes(b"half of a newer")
    found = file.load()
    assert found is not None
    assert found.commit == commit_row(1)
    file.save(commit_row(2), {"a": b"2"}, 2000)
    assert not file.path.with_name("snapshot.new").exists()


def test_given_a_disk_that_refuses_then_save_raises_and_leaves_nothing_behind(file):
    file.path.mkdir()  # a rename onto a folder fails after the bytes were written
    with pytest.raises(OSError, match="snapshot"):
        file.save(commit_row(1), {"a": b"1"}, 1000)
    assert [entry.name for entry in file.path.parent.iterdir()] == ["snapshot"]


def test_only_its_owner_may_read_it(file):
    file.save(commit_row(1), {"_cluster": b"key"}, 1000)
    assert file.path.stat().st_mode & 0o777 == 0o600
