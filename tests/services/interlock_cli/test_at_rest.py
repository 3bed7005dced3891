"""Verbs over a data folder that nobody runs: reads work, changes are refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.interlock_cli.spoken import interlock
from tests.services.interlock_quickstart.process import Quick

pytestmark = pytest.mark.timeout(180)  # a demo is started, and something has to happen to it


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a demo that failed over, cooled who failed, and was then killed."""
    demo = Quick(tmp_path_factory.mktemp("left")).start()
    try:
        demo.line("atlas/large -> breeze/large")
        demo.line(r"atlas/large .* cooled \d")
        demo.process.kill()
        demo.process.wait()
        yield demo.data_dir
    finally:
        demo.close()


def test_given_a_log_at_rest_then_every_read_is_answered_from_it(left: Path) -> None:
    where = ("--data-dir", str(left))
    targets = interlock("get", "targets", "-o", "json", *where).json
    assert [target["id"] for target in targets] == ["atlas/large", "breeze/large", "cirrus/large"]
    assert "recomputed from the log: equal" in interlock("explain", *where).out
    assert "CooldownOpened" in interlock("history", "atlas/large", *where).out
    assert "TARGET" in interlock("state", "--at", "13", *where).out
    assert "this is the state at rest" in interlock("get", "projections", *where).out


def test_given_a_log_at_rest_then_a_read_leaves_the_file_alone(left: Path) -> None:
    before = (left / "interlock.db").read_bytes()
    interlock("get", "pools", "--data-dir", str(left))
    assert (left / "interlock.db").read_bytes() == before


@pytest.mark.parametrize(
    "words", [("cool", "atlas/large"), ("restore", "atlas/large"), ("drain", "atlas"), ("enable", "atlas")]
)
def test_given_nothing_runs_then_changes_are_refused(left: Path, words: tuple[str, ...]) -> None:
    said = interlock(*words, "--data-dir", str(left))
    assert said.code == 1
    assert "only a running control plane takes changes" in said.err


def test_given_a_killed_owner_when_the_doctor_comes_then_the_folder_is_free_and_sound(left: Path) -> None:
    said = interlock("doctor", "--data-dir", str(left), "--port", "0", "--control-port", "0", "-o", "json")
    told = {one["what"]: one["says"] for one in said.json}
    assert said.code == 0
    assert "nobody uses it now" in told["data folder"]
    assert "is sound" in told["database"]
    assert "nothing runs here" in told["control"]


def test_given_a_file_that_is_no_database_then_both_reads_and_the_doctor_say_so(tmp_path: Path) -> None:
    (tmp_path / "interlock.db").write_bytes(b"this is not a database, whatever its name says" * 100)
    where = ("--data-dir", str(tmp_path))
    said = interlock("get", "targets", *where)
    assert (said.code, "damaged or is not a database" in said.err) == (1, True)
    checked = interlock("doctor", *where, "-o", "json")
    assert checked.code == 1
    assert next(one for one in checked.json if one["what"] == "database")["level"] == "fail"


def test_given_a_folder_without_anything_then_it_says_how_to_begin(tmp_path: Path) -> None:
    said = interlock("get", "targets", "--data-dir", str(tmp_path))
    assert said.code == 1
    assert "interlock quickstart" in said.err


def test_given_nobody_at_an_address_then_it_says_so() -> None:
    said = interlock("get", "targets", "--url", "http://127.0.0.1:1")
    assert (said.code, "nothing answers at http://127.0.0.1:1" in said.err) == (1, True)
    assert interlock("get", "targets", "--url", "control").code == 2
