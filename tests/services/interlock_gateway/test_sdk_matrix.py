"""The newest of each official SDK: what its user sees through a gateway is what he sees directly.

Every case runs twice, at a provider and through a gateway before it (tests/sdk); all generations run in the
drill `sdk_matrix`.
"""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.sdk.compare import Verdict
from tests.sdk.matrix import Matrix, Runner, play
from tests.sdk.nodejs import Missing, installed
from tests.sdk.runners import SDKS, node_runner, python_runner

FEWEST = 60
"""Cases of each SDK, each way."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def node() -> Path:
    """A Node with the SDKs beside it."""
    found = installed()
    if isinstance(found, Missing):
        if os.environ.get("CI") == "true":
            pytest.fail(found.reason)
        pytest.skip(f"!!! {found.reason}")
    return found.node


def judge(matrix: Matrix, runner: Runner) -> None:
    wrong = [
        f"{mode} {case}: {sentence}"
        for mode, cells in matrix.cells.items()
        for case, cell in cells.items()
        if cell.verdict is Verdict.DIFFERENT
        for sentence in cell.found
    ]
    assert not wrong, "\n".join(wrong)
    assert tuple(matrix.cells) == runner.modes
    for cells in matrix.cells.values():
        assert tuple(cells) == runner.cases
        assert sum(cell.verdict is not Verdict.ABSENT for cell in cells.values()) >= FEWEST


@pytest.mark.parametrize("sdk", SDKS)
async def test_the_newest_python_sdks_see_the_same(sdk, tmp_path):
    runner = python_runner(sdk)
    judge(await play(runner, tmp_path), runner)


@pytest.mark.parametrize("sdk", SDKS)
async def test_the_newest_node_sdks_see_the_same(sdk, node, tmp_path):
    runner = node_runner(sdk, node)
    judge(await play(runner, tmp_path), runner)


async def test_a_gateway_that_changes_a_request_is_found(tmp_path):
    usual = python_runner("openai")
    few = ("chat/unary", "models/list")
    words = [word for case in few for word in ("--case", case)]
    runner = replace(usual, command=(*usual.command, *words), cases=few)
    matrix = await play(runner, tmp_path, provider="query: {tenant: a}, headers: {x-team: b}")
    for cells in matrix.cells.values():
        assert cells["models/list"].verdict is Verdict.LISTED
        assert cells["chat/unary"].verdict is Verdict.DIFFERENT
        found = "\n".join(cells["chat/unary"].found)
        assert "asked.requests.0.query: '' / 'tenant=a'" in found
        assert "x-team" in found
