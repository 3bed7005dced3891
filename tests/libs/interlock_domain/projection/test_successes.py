"""Successes: what they are counted for, and targets that nobody declared."""

from interlock_domain.events import CooldownSet, SuccessesCounted, SuccessRow, TargetStateSet
from interlock_domain.projection.rows import take_changed_rows
from interlock_domain.projection.successes import UNDECLARED_KEPT
from interlock_domain.words import AdminState
from tests.libs.interlock_domain.projection.story import OTHER, T0, TARGET, Story


def test_successes_are_counted_for_their_shape_and_for_all() -> None:
    story = Story("g1").declares(TARGET)
    story.at(1_000).counted(12, age=300)
    lists = story.known().evidence["g1"]
    assert lists["text"].runs == lists["*"].runs == [(T0 + 700, 12)]
    assert (story.known().ok, story.known().ok_ms) == (12, T0 + 700)


def test_a_row_without_successes_says_nothing() -> None:
    story = Story("g1").declares(TARGET)
    story.counted(0)
    assert story.known().evidence == {}


def test_several_rows_of_one_report_are_counted_each() -> None:
    story = Story("g1").declares(TARGET, OTHER)
    rows = tuple(SuccessRow(target=t, shape="text", count=n) for t, n in ((TARGET, 2), (OTHER, 3)))
    story.fact("g1", SuccessesCounted(rows=rows))
    assert (story.known().ok, story.known(OTHER).ok) == (2, 3)


def test_an_older_success_does_not_set_the_last_one_back() -> None:
    story = Story("g1").declares(TARGET)
    story.at(2_000).counted(1)
    story.counted(1, age=1_500)
    assert story.known().ok_ms == T0 + 2_000


def test_a_target_nobody_declared_exists_from_its_first_success_on() -> None:
    story = Story("g1").declares(TARGET)
    story.fails(target="acme/new", times=3)
    assert "acme/new" not in story.state.targets
    story.succeeds(target="acme/new")
    story.fails(target="acme/new", times=2)
    assert list(story.known("acme/new").learned) == ["text"]


def test_a_target_of_an_unknown_provider_never_exists() -> None:
    story = Story("g1")
    story.succeeds(target="nobody/m", probe=True)
    assert story.state.targets == {}


def test_at_most_two_hundred_undeclared_targets_are_kept_and_the_latest_stay() -> None:
    story = Story("g1").declares(TARGET)
    for n in range(UNDECLARED_KEPT):
        story.at(n).counted(1, target=f"acme/u{n}")
    story.at(1_000).counted(1, target="acme/u0")
    story.at(2_000).counted(1, target="acme/one-more")
    known = story.state.targets
    assert len(known) == UNDECLARED_KEPT + 1
    assert {"acme/u0", "acme/u2", "acme/one-more", TARGET} <= set(known)
    assert "acme/u1" not in known


def test_a_forgotten_target_loses_its_row() -> None:
    story = Story("g1").declares(TARGET)
    story.counted(1, target="acme/u")
    story.at(5_000).fails(target="acme/u", times=2)
    assert "target/acme/u" in take_changed_rows(story.state)
    for n in range(UNDECLARED_KEPT):
        story.at(6_000 + n).counted(1, target=f"acme/u{n}")
    assert take_changed_rows(story.state) == {"target/acme/u": None}


def test_what_an_operator_spoke_of_is_never_forgotten() -> None:
    story = Story("g1").declares(TARGET)
    story.decide("target/acme/d", TargetStateSet(target="acme/d", state=AdminState.DRAINED))
    story.decide("target/acme/c", CooldownSet(target="acme/c", shape="*", duration_ms=9_000_000))
    for n in range(UNDECLARED_KEPT + 5):
        story.at(n).counted(1, target=f"acme/u{n}")
    assert {"acme/d", "acme/c"} <= set(story.state.targets)


def test_a_long_healthy_list_stays_short() -> None:
    story = Story("g1").declares(TARGET)
    for n in range(300):
        story.at(n * 100).counted(1)
    assert len(story.known().evidence["g1"]["text"].runs) <= 65
