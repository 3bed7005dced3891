"""The cases by name: enough of them, none without meaning, and a page that shows the last full run."""

import json

import pytest

from tests.sdk.listed import LISTED
from tests.sdk.page import CELLS, LETTERS, PAGE, page
from tests.sdk.runners import GENERATIONS, SDKS, generations
from tests.sdk.scripts import SCRIPTS
from tests.sdk.suites import SUITES

NODE_ONLY = {"chat/run-tools", "chat/aborted", "messages/aborted"}


@pytest.mark.parametrize("sdk", SDKS)
def test_every_script_belongs_to_a_case(sdk):
    assert SCRIPTS[sdk].keys() - SUITES[sdk].runs.keys() <= NODE_ONLY


@pytest.mark.parametrize("sdk", SDKS)
def test_names_stay_apart_when_their_slashes_become_dashes(sdk):
    names = list(SUITES[sdk].runs)
    assert len({name.replace("/", "-") for name in names}) == len(names)


def test_two_cases_of_one_name_are_a_mistake():
    with pytest.raises(ValueError, match="chat/unary"):
        SUITES["openai"].add("chat/unary", next(iter(SUITES["openai"].runs.values())))


def test_the_list_of_differences_is_closed_and_has_reasons():
    assert len({each.name for each in LISTED}) == len(LISTED) <= 26
    assert all(len(each.reason) > 40 for each in LISTED)
    assert len(LETTERS) == len(LISTED)


def test_three_generations_of_each_python_sdk_are_pinned_newest_first():
    assert generations() == [
        "openai-3.52.0",
        "openai-2.54.0",
        "openai-1.109.1",
        "anthropic-2.11.0",
        "anthropic-0.125.0",
        "anthropic-0.74.1",
    ]
    for name in generations():
        pins = (GENERATIONS / f"{name}.txt").read_text(encoding="utf-8")
        assert name.replace("-", "==") in pins.splitlines()
        assert "://" not in pins


def test_no_lock_file_of_node_names_where_packages_come_from():
    for folder in ("node", "node-runtime"):
        lock = json.loads((GENERATIONS.parent / folder / "package-lock.json").read_text(encoding="utf-8"))
        assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_the_page_shows_the_last_full_run():
    told = json.loads(CELLS.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(told["columns"]), "python -m tests.sdk.page"
