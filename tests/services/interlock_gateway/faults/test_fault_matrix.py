"""Each way to fail, on each client API, whole and streamed, with a fallback and without: no silence, no false
success, no hang."""

import pytest

from tests.services.interlock_gateway.faults.cells import MODES, Surface, cells_of, faults
from tests.services.interlock_gateway.faults.expected import expected
from tests.services.interlock_gateway.faults.page import PAGE, WORDS, page
from tests.services.interlock_gateway.faults.stage import Limits, staged


@pytest.mark.parametrize(
    ("surface", "stream"),
    MODES,
    ids=[f"{surface.name} {'streamed' if stream else 'whole'}" for surface, stream in MODES],
)
async def test_every_fault_ends_as_the_rules_say(surface: Surface, stream: bool, tmp_path):
    cells = cells_of(surface, stream=stream)
    async with staged(cells, tmp_path, Limits()) as stage:
        seen = await stage.play(cells)
    wrong = [
        f"{cell.name}\n  should be {expected(cell)}\n  was       {found.outcome}"
        for cell, found in seen.items()
        if found.outcome != expected(cell)
    ]
    assert not wrong, "\n".join(wrong)
    unhonest = [f"{cell.name}: {found.unhonest}" for cell, found in seen.items() if found.unhonest]
    assert not unhonest, "\n".join(unhonest)


def test_the_page_says_what_the_rules_say():
    cells = [cell for surface, stream in MODES for cell in cells_of(surface, stream=stream)]
    assert PAGE.read_text(encoding="utf-8") == page({cell: expected(cell) for cell in cells})


def test_every_fault_has_its_words():
    assert set(WORDS) == {fault for stream in (False, True) for fault in faults(stream=stream)}
