"""Forgetting, each full minute of log time."""

from interlock_domain.projection.sweep import next_sweep_ms
from tests.libs.interlock_domain.projection.story import TARGET, Story

HOUR = 3_600_000


def test_sweeps_stand_on_full_minutes() -> None:
    assert [next_sweep_ms(ms) for ms in (0, 59_999, 60_000, 60_001)] == [60_000, 60_000, 120_000, 120_000]


def test_a_worker_silent_for_an_hour_is_forgotten() -> None:
    story = Story("g1").declares(TARGET)
    story.at(HOUR - 1_000).reports("g2")
    story.ticks()
    assert set(story.state.gateways) == {"g1", "g2"}
    story.at(HOUR + 60_000).ticks()
    assert set(story.state.gateways) == {"g2"}


def test_an_old_boot_of_a_live_gateway_is_forgotten() -> None:
    story = Story("g1").declares(TARGET)
    story.at(HOUR).reports("g1", boot="b2")
    story.at(HOUR + 60_000).ticks()
    assert list(story.state.gateways["g1"].boots) == ["0/b2"]


def test_evidence_older_than_the_window_is_forgotten() -> None:
    story = Story("g1").declares(TARGET)
    story.reports("g2")
    story.counted(1, "g2")
    story.counted(1, "g1", shape="tools")
    story.at(100_000).counted(1, "g1")
    story.at(200_000).ticks()
    assert story.known().evidence == {}


def test_evidence_within_the_window_stays() -> None:
    story = Story("g1").declares(TARGET)
    story.counted(1, shape="tools")
    story.at(110_000).counted(1)
    story.at(140_000).ticks()
    assert set(story.known().evidence["g1"]) == {"text", "*"}


def test_what_is_forgotten_does_not_depend_on_the_record_that_came_first_after_the_minute() -> None:
    story = Story("g1").declares(TARGET)
    story.at(300).counted(1)
    story.at(119_000).ticks()
    assert story.known().evidence != {}
    story.at(120_000).ticks()
    assert story.known().evidence == {}


def test_a_trip_within_the_window_keeps_its_list() -> None:
    story = Story("g1", "g2").declares(TARGET)
    story.counted(5, "g2")
    story.at(1_000).fails("g1", times=2)
    evidence = story.known().evidence["g1"]["text"]
    assert evidence.tripped_ms is not None
    evidence.runs.clear()
    story.at(60_000).ticks()
    assert "text" in story.known().evidence["g1"]
    story.at(180_000).ticks()
    assert story.known().evidence == {}
