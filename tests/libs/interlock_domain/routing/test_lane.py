"""What a lane settles before any request comes."""

import pytest

from interlock_domain.catalog.provider import Provider
from interlock_domain.routing.lane import LANES_KEPT, LaneKey, compile_lane, older
from interlock_domain.rows import PoolRow, ProviderRow, TargetRow
from interlock_domain.words import AdminState, Api, Reason, Shape
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    a_catalog,
    a_pool,
    a_provider,
    a_rest,
    a_snapshot,
    a_state,
    a_target,
    an_out,
    learned,
)

TEXT: LaneKey = (Api.CHAT, Shape.TEXT, ())
TOOLS: LaneKey = (Api.CHAT, Shape.TOOLS, ("tools",))


def structural(key: LaneKey, *, floor: str | None = None, provider: Provider | None = None, **declared):
    catalog = a_catalog(
        a_pool("chat", "atlas/large", min_software_version=floor),
        targets=(a_target("atlas/large", **declared),),
        providers=(provider or a_provider("atlas"),),
    )
    return compile_lane(a_snapshot(catalog).pools["chat"], key).entries[0].structural


def test_an_api_that_the_provider_does_not_speak() -> None:
    provider = a_provider("atlas", apis=(Api.MESSAGES,))
    assert structural(TEXT, provider=provider) == (Reason.API_UNSUPPORTED,)
    assert structural((Api.MESSAGES, Shape.TEXT, ()), provider=provider) == ()
    assert structural((None, Shape.TEXT, ()), provider=provider) == ()


def test_a_capability_that_is_not_among_the_declared_ones() -> None:
    assert structural(TOOLS, capabilities=("vision",)) == (Reason.CAPABILITY_MISSING,)
    assert structural(TOOLS, capabilities=("tools", "vision")) == ()
    assert structural(TEXT, capabilities=()) == ()


def test_without_declared_capabilities_nothing_is_assumed_missing() -> None:
    assert structural(TOOLS) == ()


def test_a_failed_template_check_keeps_tools_away_and_nothing_else() -> None:
    assert structural(TOOLS, template_ok=False) == (Reason.TEMPLATE_FAILED,)
    assert structural((Api.CHAT, Shape.TOOLS, ()), template_ok=False) == (Reason.TEMPLATE_FAILED,)
    assert structural((Api.CHAT, Shape.VISION, ("tools",)), template_ok=False) == (Reason.TEMPLATE_FAILED,)
    assert structural(TEXT, template_ok=False) == ()
    assert structural(TOOLS, template_ok=True) == ()


def test_the_version_floor_holds_for_targets_that_declare_a_version() -> None:
    assert structural(TEXT, floor="1.10", software_version="1.9.9") == (Reason.VERSION_FLOOR,)
    assert structural(TEXT, floor="1.10", software_version="1.10.0") == ()
    assert structural(TEXT, floor="1.10") == ()
    assert structural(TEXT, software_version="0.1") == ()


@pytest.mark.parametrize(
    ("version", "floor", "expected"),
    [
        ("1.2", "1.2.0", False),
        ("1.9", "1.10", True),
        ("b4512", "b4511", False),
        ("b998", "b4511", True),
        ("v0.6.1", "0.6.1", False),
        ("1.x", "1.0", False),
        ("2", "1.9.9", False),
    ],
)
def test_versions_compare_by_the_numbers_of_their_parts(version: str, floor: str, expected: bool) -> None:
    assert older(version, floor) is expected


@pytest.mark.parametrize(
    "rows",
    [
        {},
        {"pool/chat": PoolRow(gateways=("g1", "g2"))},
        {"provider/atlas": ProviderRow(), "target/atlas/large": TargetRow()},
        {"target/atlas/large": learned(a_rest(NOW + 1, shape="tools"))},
    ],
)
def test_a_lane_is_still_when_no_row_says_anything_about_its_shape(rows) -> None:
    snapshot = a_snapshot(a_catalog(a_pool("chat", "atlas/large")), rows)
    assert compile_lane(snapshot.pools["chat"], TEXT).still


@pytest.mark.parametrize(
    "rows",
    [
        {"pool/chat": PoolRow(state=a_state(AdminState.DISABLED))},
        {"pool/chat": PoolRow(members={"atlas/large": a_state(AdminState.DISABLED)})},
        {"provider/atlas": ProviderRow(state=a_state(AdminState.DISABLED))},
        {"target/atlas/large": TargetRow(state=a_state(AdminState.DRAINED))},
        {"target/atlas/large": TargetRow(out=an_out(NOW))},
        {"target/atlas/large": TargetRow(operator=(a_rest(NOW, shape="*"),))},
        {"target/atlas/large": learned(a_rest(NOW))},
    ],
)
def test_a_lane_is_not_still_when_any_row_says_something(rows) -> None:
    snapshot = a_snapshot(a_catalog(a_pool("chat", "atlas/large")), rows)
    assert not compile_lane(snapshot.pools["chat"], TEXT).still


def test_a_lane_is_compiled_once_and_the_oldest_goes_when_there_are_too_many() -> None:
    pool = a_snapshot(a_catalog(a_pool("chat", "atlas/large"))).pools["chat"]
    first = compile_lane(pool, TEXT)
    assert compile_lane(pool, TEXT) is first
    for i in range(LANES_KEPT):
        compile_lane(pool, (Api.CHAT, Shape.TEXT, (f"odd-{i}",)))
    assert len(pool.lanes) == LANES_KEPT
    assert compile_lane(pool, TEXT) is not first
