"""`interlock validate`: every mistake with its place, and what a section may hold."""

from pathlib import Path

import pytest

from interlock_domain.catalog.config import ROOT
from tests.services.interlock_cli.spoken import interlock

GOOD = "providers: {local: {base_url: 'http://127.0.0.1:9/v1'}}\npools: {chat: [local/one]}\n"
BAD = (
    "providers: {local: {base_url: 'http://127.0.0.1:9/v1', api_key: sk-123}}\npools: {chat: [nobody/one]}\n"
)


def test_given_a_good_file_then_it_says_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "interlock.yaml"
    file.write_text(GOOD)
    said = interlock("validate", "-f", str(file))
    assert (said.code, said.out) == (0, f"{file} is valid: 1 provider, 1 target, 1 pool\n")


def test_given_a_file_with_mistakes_then_each_has_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    said = interlock("validate", "-f", str(file))
    assert said.code == 1
    places = [line.split(" ")[0] for line in said.out.splitlines()]
    assert places == ["bad.yaml:1:65:", "bad.yaml:2:16:"]
    assert "sk-123" not in said.out


def test_given_no_file_then_it_says_where_it_looked(tmp_path: Path) -> None:
    said = interlock("validate", "-f", str(tmp_path / "none.yaml"))
    assert said.code == 1
    assert "no such file" in said.out


@pytest.mark.parametrize("section", [key.name for key in ROOT.keys])
def test_every_section_is_explained_with_its_keys(section: str) -> None:
    said = interlock("validate", "--explain", section)
    assert said.code == 0
    inside = next(key for key in ROOT.keys if key.name == section).kind.inside
    assert inside is not None
    assert all(f"  {key.name}: {key.doc}" in said.out for key in inside.keys)


def test_a_block_inside_a_section_is_explained_with_defaults() -> None:
    assert "initial: First cooldown  (a duration above 0s; default 15s)" in (
        interlock("validate", "--explain", "policy.cooldown").out
    )


def test_given_a_section_that_does_not_exist_then_the_known_ones_are_named() -> None:
    said = interlock("validate", "--explain", "polcy")
    assert said.code == 1
    assert "known: providers, targets, pools" in said.err
    assert "has no keys of its own" in interlock("validate", "--explain", "pools.strategy.x").err
