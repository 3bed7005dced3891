"""Within a generation nothing goes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_feed.order import follows
from interlock_testing.contracts.samples import commit_row

commits = st.builds(commit_row, st.integers(0, 5), epoch=st.integers(1, 3), generation=st.integers(1, 3))


@pytest.mark.parametrize(
    ("new", "held", "expected"),
    [
        (commit_row(1), None, True),
        (commit_row(2), commit_row(1), True),
        (commit_row(1), commit_row(1), True),
        (commit_row(1), commit_row(2), False),
        (commit_row(9, epoch=1), commit_row(2, epoch=2), False),
        (commit_row(1, epoch=2), commit_row(2, epoch=1), False),
        (commit_row(0, generation=2), commit_row(9, epoch=9), True),
        (commit_row(9, epoch=9), commit_row(0, generation=2), False),
    ],
)
def test_which_commit_follows(new, held, expected):
    assert follows(new, held) is expected


@given(st.lists(commits))
def test_given_any_arrivals_then_the_held_version_never_goes_back(arrivals):
    held = None
    for new in arrivals:
        if follows(new, held):
            assert (
                held is None
                or (new.generation, new.position) >= (held.generation, held.position)
                or (new.generation > held.generation)
            )
            held = new
