"""Bent bytes at everything that reads bytes of others, for some seconds (drill `fuzz`, at a small scale)."""

import pytest

from tests.drills.rig.fuzz_all import TARGETS
from tests.drills.rig.fuzz_input import Target, demand
from tests.drills.rig.fuzz_live import search_live
from tests.drills.rig.fuzzing import LONGEST_INPUT, bent, search

SECONDS = 0.25


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_leaves_its_boundary(target, tmp_path) -> None:
    found = search(target, tmp_path, seconds=SECONDS, seed=1, longest_s=0)
    assert found.inputs > len(list(target.seeds())) / 2
    assert not found.findings, found.findings


@pytest.mark.timeout(60)
async def test_a_gateway_outlives_whatever_its_clients_and_upstreams_send() -> None:
    found = await search_live(seconds=3.0, seed=1)
    assert found.inputs >= 48
    assert not found.findings, found.findings


def test_a_broken_promise_is_found_and_kept_once(tmp_path) -> None:
    def run(data: bytes) -> int:
        demand(b"boo" not in data, "nobody says boo")
        return len(data) % 7

    target = Target(name="ghosts", run=run, seeds=lambda: [b"hello", b"b"], words=(b"boo",))
    found = search(target, tmp_path, seconds=2.0, seed=1, longest_s=0)
    assert len(found.findings) == 1
    assert b"boo" in (tmp_path / found.findings[0].path).read_bytes()
    assert found.ways > 2


def test_bending_goes_far_and_stays_within_its_bound() -> None:
    import random

    draw = random.Random(1)
    seen = {bent(draw, [b"hello world", b"x" * LONGEST_INPUT], (b"word",)) for _ in range(2_000)}
    assert len(seen) > 1_000
    assert max(map(len, seen)) <= LONGEST_INPUT
    assert any(b"word" in each for each in seen)
