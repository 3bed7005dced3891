"""plan and apply against a running quickstart, over HTTP, as somebody types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.interlock_cli.spoken import Spoken, interlock
from tests.services.interlock_quickstart.process import Quick

pytestmark = pytest.mark.timeout(180)  # processes are started

PROVIDERS = """providers:
  atlas: {base_url: "http://127.0.0.1:9/v1", api_key: none}
  breeze: {base_url: "http://127.0.0.1:9/v1", api_key: none}
"""
FIRST = PROVIDERS + "pools: {chat: [atlas/large, breeze/large]}\n"
SECOND = PROVIDERS + "pools: {chat: [atlas/large, breeze/small]}\npolicy: {cooldown: {initial: 30s}}\n"


class Operator:
    """Somebody in the folder of a running quickstart that was started with FIRST."""

    def __init__(self, running: Quick) -> None:
        self.running = running
        self.file = running.folder / "interlock.yaml"

    def says(self, verb: str, text: str, *options: str) -> Spoken:
        self.file.write_text(text)
        return interlock(verb, "-f", str(self.file), *options, "--data-dir", str(self.running.data_dir))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    operator = Operator(Quick(tmp_path_factory.mktemp("configured")))
    operator.file.write_text(FIRST)
    operator.running.start()
    try:
        yield operator
    finally:
        operator.running.close()


def test_the_story_of_a_change(started: Operator) -> None:
    """One story in order: each step stands on the one before."""
    same = started.says("plan", FIRST)
    assert (same.code, same.out) == (0, "no change: revision 1 says the same\n")

    planned = started.says("plan", SECOND)
    assert planned.code == 2
    assert planned.out.splitlines() == [
        "- targets breeze/large",
        "+ targets breeze/small",
        "- pools chat  member breeze/large  {priority: 2, weight: 1}",
        "+ pools chat  member breeze/small  {priority: 2, weight: 1}",
        "~ policy  cooldown.initial  15s -> 30s",
        f"5 changes to revision 1: interlock apply -f {started.file}",
    ]

    applied = started.says("apply", SECOND, "--reason", "smaller")
    assert applied.code == 0, applied.err
    assert "revision 2 is in force  (event " in applied.out
    assert "~ policy  cooldown.initial  15s -> 30s" in applied.out

    again = started.says("apply", SECOND)
    assert (again.code, again.out) == (0, "no change: revision 2 says the same\n")
    told = started.says("plan", SECOND, "-o", "json")
    assert (told.code, told.json["revision"], told.json["changes"]) == (0, 2, [])
    pools = interlock("get", "pools", "-o", "json", "--data-dir", str(started.running.data_dir)).json
    assert [member["target"] for member in pools[0]["members"]] == ["atlas/large", "breeze/small"]


def test_given_a_pool_of_one_then_plan_and_apply_warn(started: Operator) -> None:
    text = PROVIDERS + "pools: {chat: [atlas/large]}\n"
    assert "warning: pool `chat` has atlas/large alone" in started.says("plan", text).out


def test_given_every_target_goes_then_plan_and_apply_refuse_until_it_is_meant(started: Operator) -> None:
    for verb in ("plan", "apply"):
        refused = started.says(verb, PROVIDERS)
        assert refused.code == 1
        assert refused.err.startswith(f"interlock {verb}: this removes 2 of 2 targets. If that is meant")
    assert started.says("plan", PROVIDERS, "--allow-removal").code == 2


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_given_a_bad_file_then_its_mistakes_are_told_with_its_lines(started: Operator, verb: str) -> None:
    said = started.says(verb, "pols: {}\n")
    assert said.code == 1
    assert "interlock.yaml:1:1: unknown key" in said.err
    assert "Traceback" not in said.err


def test_given_nothing_runs_then_a_plan_is_made_from_the_log_and_an_apply_is_refused(
    tmp_path: Path,
) -> None:
    running = Quick(tmp_path)
    operator = Operator(running)
    operator.file.write_text(FIRST)
    running.start()
    running.stop()
    assert operator.says("plan", SECOND).code == 2
    refused = operator.says("apply", SECOND)
    assert refused.code == 1
    assert "only a running control plane takes changes" in refused.err
