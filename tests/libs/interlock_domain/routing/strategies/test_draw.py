"""The generator behind every draw."""

import pytest

from interlock_domain.routing.strategies.draw import below, splitmix64, take


def test_the_sequence_is_the_published_one_of_splitmix64() -> None:
    assert [splitmix64(1234567, n) for n in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_a_number_is_scaled_to_its_limit() -> None:
    assert (below(0, 3), below(1 << 63, 3), below((1 << 64) - 1, 3)) == (0, 1, 2)


@pytest.mark.parametrize(("point", "place"), [(0, 0), (1, 0), (2, 2), (4, 2)])
def test_a_point_takes_the_place_whose_slice_holds_it(point: int, place: int) -> None:
    places = [0, 2]
    assert take(places, (2, 9, 3), point) == place
    assert place not in places


def test_a_point_beyond_the_sum_is_a_bug() -> None:
    with pytest.raises(ValueError, match="beyond"):
        take([0], (1,), 1)
