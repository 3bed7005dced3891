"""How many gateways a fleet cooldown needs."""

import pytest

from interlock_domain.health.quorum import enough


@pytest.mark.parametrize(
    ("quorum", "tripped", "contradicted", "verdict"),
    [
        (0, 1, False, True),
        (0, 1, True, False),
        (0, 2, True, True),
        (1, 1, True, True),
        (2, 1, False, False),
        (2, 2, True, True),
        (3, 2, False, False),
    ],
)
def test_auto_wants_a_second_gateway_only_against_a_contradiction(
    quorum: int, tripped: int, contradicted: bool, verdict: bool
) -> None:
    assert enough(quorum, tripped, contradicted=contradicted) is verdict
