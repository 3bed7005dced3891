"""A control plane of a generation that is over says so and ends; what is away is not a new generation."""

from collections.abc import Awaitable, Callable

import pytest

from interlock_control.generation import another_generation


class Away(Exception):
    """The database."""


def reading(*answers: int | Exception) -> Callable[[], Awaitable[int]]:
    left = list(answers)

    async def read() -> int:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return read


async def test_given_the_same_generation_and_outages_then_it_waits_until_it_was_raised() -> None:
    read = reading(2, Away(), 2, 3)
    said = await another_generation(read, 2, away=(Away,), every_s=0)
    assert said == "the cluster has generation 3 now and this process began in 2: start it again"


async def test_given_an_older_generation_then_the_database_was_put_back() -> None:
    said = await another_generation(reading(1), 2, away=(Away,), every_s=0)
    assert "put back to an older copy: follow docs/runbooks/restore.md" in said


async def test_given_a_mistake_of_ours_then_it_is_not_swallowed() -> None:
    with pytest.raises(ValueError, match="mistake"):
        await another_generation(reading(ValueError("mistake")), 2, away=(Away,), every_s=0)
