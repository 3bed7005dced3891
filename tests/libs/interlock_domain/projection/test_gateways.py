"""Gateways: live, lost, active in pools, and changed credentials."""

import pytest

from interlock_domain.events import SnapshotRejected
from interlock_domain.projection.gateways import FINGERPRINTS_KEPT
from interlock_domain.projection.rows import commit_row, pool_row
from interlock_domain.projection.state import live_gateways
from interlock_domain.words import EffectKind, EndedWhy
from tests.libs.interlock_domain.projection.story import TARGET, Story, cooled

HOUR = 3_600_000
LOST = EffectKind.GATEWAY_LOST


def active(story: Story, pool: str = "chat") -> tuple[str, ...]:
    row = pool_row(story.state, pool)
    return row.gateways if row else ()


@pytest.fixture
def story() -> Story:
    told = Story().declares(TARGET)
    told.pool("chat", TARGET)
    return told


def test_a_gateway_is_live_for_ten_seconds_after_its_report(story: Story) -> None:
    story.reports("g2")
    story.reports("g1")
    assert (
        live_gateways(story.state) == commit_row(story.state, generation=1, epoch=1).gateways == ("g1", "g2")
    )
    story.at(9_999).reports("g1")
    assert live_gateways(story.state) == ("g1", "g2")
    story.at(10_000).ticks()
    assert live_gateways(story.state) == ("g1",)
    assert [(e.kind, e.subject) for e in story.effects] == [(LOST, "gateway/g2")]


def test_a_lost_gateway_is_told_once_and_lives_again_with_its_next_report(story: Story) -> None:
    story.reports("g1")
    for now in (10_000, 30_000, 50_000):
        story.at(now).ticks()
    assert len(story.effects) == 1
    story.reports("g1")
    assert live_gateways(story.state) == ("g1",)


def test_one_reporting_worker_keeps_a_gateway_alive(story: Story) -> None:
    story.reports("g1", boot="a", worker=0)
    story.reports("g1", boot="b", worker=1)
    for now in (6_000, 12_000, 18_000):
        story.at(now).reports("g1", boot="b", worker=1)
    assert live_gateways(story.state) == ("g1",)


def test_a_clean_stop_ends_it_at_once_without_an_alarm(story: Story) -> None:
    story.reports("g1", pools=("chat",))
    story.reports("g1", moment="stop")
    assert live_gateways(story.state) == ()
    assert active(story) == ()
    story.at(60_000).ticks()
    assert story.effects == []


def test_a_worker_that_stops_leaves_its_gateway_to_the_others(story: Story) -> None:
    story.reports("g1", boot="a", pools=("chat",))
    story.reports("g1", boot="b")
    story.reports("g1", boot="b", moment="stop")
    assert live_gateways(story.state) == ("g1",)
    assert active(story) == ("g1",)


def test_a_gateway_is_active_in_the_pools_it_named_within_the_minute(story: Story) -> None:
    story.reports("g2", pools=("chat", "unknown"))
    story.at(30_000).reports("g1", pools=("chat",))
    story.at(59_999).reports("g2")
    assert active(story) == ("g1", "g2")
    story.at(60_000).reports("g1", pools=("chat",))
    assert active(story) == ("g1",)
    story.at(119_999).ticks()
    assert active(story) == ("g1",)
    story.at(120_000).ticks()
    assert active(story) == ()


def test_a_stop_of_one_gateway_leaves_the_other_active(story: Story) -> None:
    story.reports("g1", pools=("chat",))
    story.reports("g2", pools=("chat",))
    story.reports("g1", moment="stop")
    story.pool("quiet", TARGET)
    story.reports("g2", moment="stop")
    assert active(story) == ()


def test_facts_before_the_first_report_of_a_boot_are_counted_and_not_judged(story: Story) -> None:
    story.fails(times=3)
    assert story.is_healthy()
    boot = story.state.gateways["g1"].boots["0/b1"]
    assert (boot.unjudged, boot.report) == (3, None)
    story.reports("g1")
    story.fails(times=2)
    assert story.learned() is not None


def test_a_new_boot_of_a_worker_has_to_report_first(story: Story) -> None:
    story.reports("g1")
    story.fails(times=5, boot="b2")
    assert story.is_healthy()


def test_a_rejected_snapshot_is_kept_with_the_boot(story: Story) -> None:
    story.reports("g1")
    event = SnapshotRejected(version="g1:5", digest="d", reason="digest")
    assert story.fact("g1", event) == []
    assert story.state.gateways["g1"].boots["0/b1"].rejected == event


# credentials


def test_a_changed_credential_clears_what_was_guessed_about_its_provider() -> None:
    story = cooled()
    story.declares("other/m")
    story.fails(times=2, target="other/m")
    found = story.reports("g1", fingerprints={"acme": "new"})
    assert [(e.kind, e.subject, e.why) for e in found] == [
        (EffectKind.COOLDOWN_ENDED, f"target/{TARGET}", EndedWhy.REDEFINED)
    ]


def test_it_does_so_once_per_new_credential() -> None:
    story = Story().declares(TARGET)
    story.reports("g1", fingerprints={"acme": "f1"})
    cooled(story)
    story.at(1_000).reports("g1", fingerprints={"acme": "f1"})
    story.reports("g2", fingerprints={"acme": "f1"})
    assert story.learned() is not None
    story.reports("g2", fingerprints={"acme": "f2"})
    assert story.learned() is None


def test_two_credentials_in_a_rolling_restart_do_not_clear_each_time() -> None:
    story = Story().declares(TARGET)
    story.reports("g1", fingerprints={"acme": "f1"})
    story.reports("g2", fingerprints={"acme": "f2"})
    cooled(story)
    for now in range(2_000, 20_000, 2_000):
        story.at(now).reports("g1", fingerprints={"acme": "f1"})
        story.reports("g2", fingerprints={"acme": "f2"})
    assert story.learned() is not None


def test_a_credential_that_comes_back_after_an_hour_is_news() -> None:
    story = Story().declares(TARGET)
    story.reports("g1", fingerprints={"acme": "f1"})
    story.at(HOUR + 1).reports("g1")
    cooled(story)
    story.reports("g1", fingerprints={"acme": "f1"})
    assert story.learned() is None


def test_at_most_eight_credentials_are_remembered_per_provider() -> None:
    story = Story().declares(TARGET)
    for n in range(FINGERPRINTS_KEPT + 3):
        story.at(n).reports("g1", fingerprints={"acme": f"f{n}"})
    assert list(story.state.providers["acme"].fingerprints) == [
        f"f{n}" for n in range(3, FINGERPRINTS_KEPT + 3)
    ]


def test_credentials_of_unknown_providers_are_ignored() -> None:
    story = cooled()
    assert story.reports("g1", fingerprints={"nobody": "f1"}) == []
    assert story.learned() is not None
