"""Verbs against a running demo, over HTTP, found by its data folder."""

import re
import subprocess
from datetime import datetime
from typing import Any

import pytest

from tests.services.interlock_cli.spoken import Spoken, interlock
from tests.services.interlock_quickstart.process import COMMAND, Quick, plain_environment

pytestmark = pytest.mark.timeout(180)  # a demo is started, and something has to happen to it

KINDS = ("targets", "pools", "providers", "gateways", "projections")


def ask(demo: Quick, *words: str) -> Spoken:
    return interlock(*words, "--data-dir", str(demo.data_dir))


def test_given_a_running_demo_when_asked_from_its_folder_then_no_option_is_needed(demo: Quick) -> None:
    done = subprocess.run(
        [*COMMAND, "get", "targets"],
        cwd=demo.folder,
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "TARGET",
        "atlas/large",
        "breeze/large",
        "cirrus/large",
    ]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_table_and_json(demo: Quick, kind: str) -> None:
    assert len(ask(demo, "get", kind).out.splitlines()) > 1
    found = ask(demo, "get", kind, "-o", "json").json
    assert isinstance(found, list)
    assert found


def test_given_a_moment_before_anything_when_listed_then_there_is_nothing_declared(demo: Quick) -> None:
    assert "nothing is declared yet" in ask(demo, "get", "targets", "--at", "0").out


def test_given_a_cooled_target_then_it_is_seen_at_once_and_restored_again(demo: Quick) -> None:
    cooled = ask(demo, "cool", "cirrus/large", "--for", "5m", "--shape", "tools", "--reason", "a test")
    assert re.fullmatch(r"cirrus/large is cooled for 5m \(tools\)  \(event \d+\)\n", cooled.out), cooled
    shapes = _target(demo, "cirrus/large")["shapes"]
    assert shapes["tools"]["reason"] == "cooldown_operator"
    assert shapes["text"]["state"] == "eligible"
    assert "restored" in ask(demo, "restore", "cirrus/large").out
    assert _target(demo, "cirrus/large")["state"] == "eligible"


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("cirrus/large", "target_drained"),
        ("cirrus", "provider_drained"),
        ("provider:cirrus", "provider_drained"),
    ],
)
def test_given_a_drained_target_or_provider_then_enable_undoes_it(demo: Quick, id: str, reason: str) -> None:
    assert "is drained for 10m" in ask(demo, "drain", id, "--for", "10m").out
    assert _target(demo, "cirrus/large")["reasons"] == [reason]
    assert "is enabled" in ask(demo, "enable", id).out
    assert _target(demo, "cirrus/large")["state"] == "eligible"


def test_given_a_disabled_member_then_only_that_pool_changes(demo: Quick) -> None:
    said = ask(demo, "disable", "cirrus/large", "--pool", "chat", "--reason", "not here", "-o", "json")
    assert said.json["position"] > 0
    target = _target(demo, "cirrus/large")
    assert target["state"] == "eligible"
    assert target["in_pools"] == [{"pool": "chat", "state": "hard_excluded", "reason": "member_disabled"}]
    shown = ask(demo, "get", "pools").out
    assert re.search(r'cirrus/large .*hard_excluded .*member_disabled .*by \S+ \("not here"\)', shown)
    assert "chat (hard_excluded: member_disabled)" in ask(demo, "get", "targets").out
    ask(demo, "enable", "cirrus/large", "--pool", "chat")


def test_given_the_last_failover_when_explained_then_the_answer_comes_first(demo: Quick) -> None:
    lines = ask(demo, "explain").out.splitlines()
    assert re.fullmatch(
        r"[0-9a-f]{6}  chat  (whole|streamed)  [\d:.]+   ANSWERED by \S+ after \d failovers?, \d+ ms.*",
        lines[0],
    )
    text = "\n".join(lines)
    assert re.search(r"why these candidates \(snapshot g1:\d+, priority_failover, seed \d+\)", text)
    assert re.search(r"atlas/large +#+x +\d+ - \d+ ms +\w+", text)
    assert re.search(r"breeze/large +#+> +\d+ - \d+ ms +succeeded", text)
    assert "proof  recomputed from the log: equal" in lines[-1]


def test_given_the_id_that_the_live_view_printed_when_explained_then_its_beginning_is_enough(
    demo: Quick,
) -> None:
    printed = re.search(r"interlock explain ([0-9a-f]{6})(.*)", demo.output)
    assert printed is not None
    assert printed[2] == ""  # its data folder is where the command looks first
    found = ask(demo, "explain", printed[1], "-o", "json").json
    assert found["request_id"].startswith(printed[1])
    assert found["failovers"] >= 1
    assert found["proof"]["recomputed_equal"] is True


def test_given_a_target_when_its_history_is_read_then_outcomes_transitions_and_decisions_are_in_order(
    demo: Quick,
) -> None:
    ask(demo, "drain", "atlas/large", "--pool", "chat", "--for", "1s", "--reason", "for history")
    ask(demo, "enable", "atlas/large", "--pool", "chat")
    said = ask(demo, "history", "atlas/large", "--limit", "1000")
    rows = [line.split() for line in said.out.splitlines()[1:]]
    positions = [int(row[0]) for row in rows]
    assert positions == sorted(positions)
    for what in ("TargetDefined", "AttemptFailed", "CooldownOpened", "RampStarted", "MemberStateSet"):
        assert what in said.out
    assert re.search(r"CooldownOpened .*evidence \d+, \d+ \(requests [0-9a-f]{6}", said.out)
    assert re.search(r'MemberStateSet .*drained for 1.0 s .*by \S+ \("for history"\)', said.out)


def test_given_a_pool_when_its_history_is_read_then_its_members_are_in_it(demo: Quick) -> None:
    found = ask(demo, "history", "chat", "-n", "1000", "-o", "json").json
    subjects = {one.get("subject") or one["stream"] for one in found}
    assert {"pool/chat", "target/atlas/large"} <= subjects
    assert len(ask(demo, "history", "chat", "-n", "3").out.splitlines()) == 4


@pytest.mark.parametrize("form", ["%H:%M:%S", "%H:%M"])
def test_given_a_time_of_day_when_history_is_read_then_what_was_around_it_is_shown(
    demo: Quick, form: str
) -> None:
    said = ask(demo, "history", "atlas/large", "--around", datetime.now().astimezone().strftime(form))
    assert said.code == 0, said.err
    assert "CooldownOpened" in said.out


def test_given_a_position_when_history_is_read_around_it_then_it_is_in_it(demo: Quick) -> None:
    assert "TargetDefined" in ask(demo, "history", "atlas/large", "--around", "5").out


def test_given_moments_in_the_past_then_the_state_is_that_of_then(demo: Quick) -> None:
    found = ask(demo, "history", "atlas/large", "-n", "1000", "-o", "json").json
    opened = next(one for one in found if one.get("kind") == "CooldownOpened")["position"]
    before = ask(demo, "state", "--at", str(opened - 1), "-o", "json").json
    during = ask(demo, "state", "--at", str(opened), "-o", "json").json
    assert [state["targets"][0]["state"] for state in (before, during)] == ["eligible", "soft_excluded"]
    assert during["targets"][0]["reasons"] == ["cooldown_heuristic"]
    shown = ask(demo, "state", "--at", str(opened)).out
    assert shown.startswith(f"at position {opened} (")
    assert re.search(r"atlas/large .*soft_excluded .*cooldown_heuristic .* more", shown)
    assert ask(demo, "state", "--at", "-1s").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("cool", "nobody/none"), "there is no target `nobody/none`"),
        (("cool", "cirrus/large", "--for", "soon"), "'soon' is no duration"),
        (("disable", "nobody"), "there is no provider and no pool `nobody`"),
        (("history", "nobody"), "there is no pool `nobody`"),
        (("state", "--at", "yesterday"), "'yesterday' is no time"),
        (("state", "--at", "999999999"), "not in the log yet"),
    ],
)
def test_given_a_mistake_then_the_refusal_is_a_sentence(
    demo: Quick, words: tuple[str, ...], sentence: str
) -> None:
    said = ask(demo, *words)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"interlock {words[0]}: ")
    assert sentence in said.err


def test_given_an_id_that_nobody_has_when_explained_then_it_says_so(demo: Quick) -> None:
    said = ask(demo, "explain", "ffffffffffffffff")
    assert said.code == 1
    assert "ffffffffffffffff" in said.err


def test_given_a_running_system_when_the_doctor_comes_then_everything_is_well(demo: Quick) -> None:
    said = ask(demo, "doctor", "-o", "json")
    assert said.code == 0, said.out
    levels = {one["what"]: one["level"] for one in said.json}
    assert set(levels) >= {
        "python",
        "config",
        "data folder",
        "database",
        "control",
        "projection",
        "feed",
        "upstream",
    }
    assert {levels[what] for what in ("database", "control", "projection", "upstream")} == {"ok"}
    assert f"in use by process {demo.process.pid}" in said.out


def test_given_an_address_then_the_data_folder_does_not_matter(demo: Quick) -> None:
    said = interlock("get", "pools", "--data-dir", "/nowhere", "--url", demo.urls["control"], "-o", "json")
    assert [pool["name"] for pool in said.json] == ["chat"]


def _target(demo: Quick, id: str) -> dict[str, Any]:
    found = ask(demo, "get", "targets", "-o", "json").json
    one: dict[str, Any] = next(target for target in found if target["id"] == id)
    return one


@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_one_process_on_a_file_has_no_projection_to_change_over_to(demo: Quick, verb: str) -> None:
    said = ask(demo, verb, "routing-1")
    assert said.code == 1
    assert "one process on a file has one projection" in said.err


def test_projections_are_listed_with_their_lag_and_what_was_compared(demo: Quick) -> None:
    lines = ask(demo, "get", "projections").out.splitlines()
    assert lines[0].split()[:5] == ["PROJECTION", "VERSION", "POSITION", "BEHIND", "IS"]
    assert lines[1].startswith("routing-1 ")
    assert "in force" in lines[1]
