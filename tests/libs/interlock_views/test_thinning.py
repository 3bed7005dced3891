"""Thinning keeps what reading needs and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_views.thinning import DAY_MS, DAYS, NEWEST, kept

checkpoints = st.lists(
    st.tuples(st.integers(1, 10_000), st.integers(0, 40 * DAY_MS)), unique_by=lambda one: one[0], max_size=80
)


def test_of_nothing_nothing_is_kept():
    assert kept([]) == set()


def test_given_an_hourly_checkpoint_then_the_newest_and_the_first_of_each_day_stay():
    found = kept((hour, hour * DAY_MS // 24) for hour in range(40 * 24))
    newest = set(range(40 * 24 - NEWEST, 40 * 24))
    first_of_day = {day * 24 for day in range(39 - DAYS, 40)}
    assert found == newest | first_of_day


@given(checkpoints)
def test_the_newest_always_stay_and_the_number_is_bounded(given_):
    found = kept(given_)
    assert set(sorted(position for position, _ in given_)[-NEWEST:]) <= found
    assert len(found) <= NEWEST + DAYS + 1


@given(checkpoints)
def test_thinning_what_was_thinned_changes_nothing(given_):
    found = kept(given_)
    assert kept([one for one in given_ if one[0] in found]) == found


@given(st.lists(st.integers(0, 40 * DAY_MS), min_size=1, max_size=80))
def test_given_thinning_after_each_save_then_the_same_stay_as_when_thinned_at_the_end(moments):
    rising = list(enumerate(sorted(moments), start=1))
    held = []
    for one in rising:
        held.append(one)
        keep = kept(held)
        held = [other for other in held if other[0] in keep]
    assert {position for position, _ in held} == kept(rising)
