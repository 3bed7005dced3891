"""How many targets may go without a word."""

import pytest

from interlock_domain.catalog.removal import removes_too_many


@pytest.mark.parametrize(
    ("before", "kept", "too_many"),
    [
        (0, 0, False),
        (1, 0, True),
        (3, 0, True),
        (4, 1, False),
        (5, 1, True),
        (10, 7, False),
        (10, 6, True),
        (20, 14, False),
        (20, 13, True),
        (100, 70, False),
        (100, 69, True),
    ],
)
def test_three_or_thirty_percent_may_go_but_never_all(before: int, kept: int, too_many: bool) -> None:
    targets = [f"p/{number}" for number in range(before)]
    assert removes_too_many(targets, targets[:kept]) is too_many


def test_new_targets_do_not_make_up_for_removed_ones() -> None:
    before = [f"p/{number}" for number in range(10)]
    assert removes_too_many(before, [f"q/{number}" for number in range(10)])
