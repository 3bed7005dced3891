"""The runbooks, as far as a quick run can: every page is a program, and two of them are followed."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from interlock_runtime.settings import VARIABLES
from interlock_testing.running import declaring
from interlock_testing.services.tiers import LocalKafka, LocalPostgres
from interlock_testing.upstream import SimulatedProvider
from tests.drills import restore, runbooks
from tests.drills.rig.compose import cell_of
from tests.drills.rig.runbook import RUNBOOKS, Block, runbook, steps
from tests.drills.runbooks import POOLS, TROUBLES

FENCE = "```"
PAGES = sorted(page.stem for page in RUNBOOKS.glob("*.md"))


def test_every_page_has_a_drill_and_says_how_one_knows_that_it_worked() -> None:
    assert sorted({*TROUBLES, "restore"}) == PAGES
    for name in PAGES:
        found = runbook(name)
        assert {"mend", "check"} <= found.keys(), name
        assert all(block.prints for block in found["check"]), name


def test_a_page_has_no_command_that_no_drill_runs() -> None:
    for name in PAGES:
        text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
        assert [
            line for line in text.splitlines() if line.startswith(f"{FENCE}sh") and "run=" not in line
        ] == []


def test_the_page_about_a_cell_names_every_variable_and_no_other() -> None:
    page = (RUNBOOKS.parent / "cluster.md").read_text(encoding="utf-8")
    assert set(re.findall(r"INTERLOCK_(\w+)", page)) == set(VARIABLES)


def test_every_link_to_a_page_leads_somewhere() -> None:
    docs = RUNBOOKS.parent
    for page in (docs / "cluster.md", *RUNBOOKS.glob("*.md")):
        links = re.findall(r"\]\(([\w./-]+\.md)\)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).is_file()] == [], page.name


def test_blocks_belong_to_their_step_and_know_what_they_print() -> None:
    page = "\n".join(
        [
            "text", f"{FENCE}sh run=mend", "one", FENCE, "", f"{FENCE}text", "said  ... once", FENCE,
            f"{FENCE}sh run=mend", "two", FENCE, f"{FENCE}yaml", "not: ours", FENCE,
            f"{FENCE}text", "not of two", FENCE, f"{FENCE}sh run=check", "three", FENCE,
        ]
    )  # fmt: skip
    found: Mapping[str, list[Block]] = steps(page)
    assert {step: [block.commands for block in blocks] for step, blocks in found.items()} == {
        "mend": ["one\n", "two\n"],
        "check": ["three\n"],
    }
    first, second = found["mend"]
    assert (first.prints, second.prints) == (("said  ... once",), ())
    assert first.unseen("it said   (so) \n once") == []
    assert first.unseen("it said nothing") == ["said  ... once"]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_after_the_page_of_a_restore_there_is_one_history_and_no_request_was_lost(
    local_kafka: LocalKafka, local_postgres: LocalPostgres, tmp_path: Path
) -> None:
    async with SimulatedProvider("openai") as openai:
        urls = {"openai": openai.url, "groq": openai.url, "spare": openai.url}
        config = declaring(urls, pools=POOLS)
        async with cell_of(tmp_path, config, local_kafka, local_postgres) as cell:
            findings = await restore.run(restore.Options(before=2, after=4, between_s=0.0), cell, config)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["decisions taken back"] >= 4


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_after_the_page_of_a_lost_kafka_every_decision_is_in_force_again(
    local_kafka: LocalKafka, local_postgres: LocalPostgres, tmp_path: Path
) -> None:
    async with SimulatedProvider("openai") as openai:
        urls = {"openai": openai.url, "groq": openai.url, "spare": openai.url}
        async with cell_of(tmp_path, declaring(urls, pools=POOLS), local_kafka, local_postgres) as cell:
            findings = await runbooks.run("kafka-lost", cell)
    assert findings.verdict == "ok", findings.missed
