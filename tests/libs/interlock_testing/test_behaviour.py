"""A behaviour is data: it can be sent to another process and put on a schedule."""

import msgspec
import pytest

from interlock_testing.behaviour import (
    At,
    Behaviour,
    Kind,
    cut,
    error_in_200,
    fail,
    healthy,
    repeating,
    stall,
)

FAILING = fail(503)


@pytest.mark.parametrize(
    "behaviour",
    [
        healthy(latency_ms=1.5, chunks=3),
        fail(429, "{}", {"retry-after": "2"}),
        cut(At.PREAMBLE, clean=True),
        stall(At.HEADERS),
        error_in_200(code="rate_limit_exceeded"),
        Behaviour(kind=Kind.HTML, only_tools=True),
    ],
)
def test_a_behaviour_survives_json(behaviour):
    assert msgspec.json.decode(msgspec.json.encode(behaviour), type=Behaviour) == behaviour


def test_a_misspelt_behaviour_is_refused():
    with pytest.raises(msgspec.ValidationError, match="statsu"):
        msgspec.json.decode(b'{"kind":"fail","statsu":500}', type=Behaviour)


@pytest.mark.parametrize(
    ("elapsed_s", "expected"),
    [(0, healthy()), (19.9, healthy()), (20, FAILING), (29.9, FAILING), (30, healthy()), (3_025, FAILING)],
)
def test_a_schedule_goes_round(elapsed_s, expected):
    assert repeating([(20, healthy()), (10, FAILING)])(elapsed_s) == expected
