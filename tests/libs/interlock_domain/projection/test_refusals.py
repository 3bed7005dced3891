"""Not found, permission, auth and billing: runs of distinct requests."""

from typing import Any

import pytest

from interlock_domain.events import CredentialQuarantined, CredentialReleased
from interlock_domain.words import EffectKind, EndedWhy, FailureClass, Phase
from tests.libs.interlock_domain.projection.story import OTHER, T0, TARGET, Story, kinds

MINUTE = 60_000
TARGET_WIDE = [FailureClass.NOT_FOUND, FailureClass.PERMISSION]
CREDENTIAL_WIDE = [FailureClass.AUTH, FailureClass.BILLING]
FP = {"acme": "f1"}


@pytest.fixture
def story() -> Story:
    told = Story().declares(TARGET, OTHER)
    told.reports("g1", fingerprints=FP)
    return told


def refuse(story: Story, failure: FailureClass, times: int = 1, **said: Any) -> list[EffectKind]:
    return kinds(story.fails(times=times, failure=failure, phase=Phase.HEADERS, **said))


@pytest.mark.parametrize("failure", TARGET_WIDE)
def test_four_distinct_refusals_in_a_row_take_the_target_out(story: Story, failure: FailureClass) -> None:
    story.counted(1)
    assert refuse(story, failure, 3) == []
    assert refuse(story, failure) == [EffectKind.TARGET_OUT]
    out = story.known().out
    assert out is not None
    assert (out.failure, out.recheck_at_ms, out.recheck_ms) == (failure, T0 + 5 * MINUTE, 5 * MINUTE)
    assert out.evidence == tuple(r.position for r in story.log[-4:])


@pytest.mark.parametrize("failure", TARGET_WIDE)
def test_two_are_enough_when_nothing_succeeded_in_ten_seconds(story: Story, failure: FailureClass) -> None:
    story.counted(1)
    story.at(10_000).reports("g1", fingerprints=FP)
    assert refuse(story, failure, 2) == [EffectKind.TARGET_OUT]


def test_one_request_alone_never_takes_a_target_out(story: Story) -> None:
    assert refuse(story, FailureClass.NOT_FOUND, 9, request="same") == []


def test_a_success_on_the_target_breaks_the_run(story: Story) -> None:
    story.counted(1)
    refuse(story, FailureClass.NOT_FOUND, 3)
    story.counted(1, shape="tools")
    assert refuse(story, FailureClass.NOT_FOUND, 3) == []


def test_successes_reported_with_a_refusal_break_the_run_before_it(story: Story) -> None:
    story.counted(1)
    refuse(story, FailureClass.NOT_FOUND, 3)
    assert refuse(story, FailureClass.NOT_FOUND, 1, ok_before=1) == []


def test_a_success_on_another_target_does_not(story: Story) -> None:
    story.counted(1)
    refuse(story, FailureClass.NOT_FOUND, 3)
    story.counted(9, target=OTHER)
    assert refuse(story, FailureClass.NOT_FOUND) == [EffectKind.TARGET_OUT]


def test_refusals_farther_apart_than_the_window_are_no_run(story: Story) -> None:
    refuse(story, FailureClass.NOT_FOUND)
    assert refuse(story.at(MINUTE + 1), FailureClass.NOT_FOUND) == []


def test_late_refusals_take_nothing_out(story: Story) -> None:
    assert refuse(story.at(9_000), FailureClass.NOT_FOUND, 4, age=5_001) == []


def test_a_failed_recheck_sets_the_next(story: Story) -> None:
    refuse(story, FailureClass.NOT_FOUND, 2)
    story.at(1_000)
    assert refuse(story, FailureClass.NOT_FOUND) == []
    out = story.known().out
    assert out is not None
    assert out.recheck_at_ms == T0 + 5 * MINUTE
    story.at(6 * MINUTE)
    assert refuse(story, FailureClass.NOT_FOUND, probe=True) == []
    out = story.known().out
    assert out is not None
    assert out.recheck_at_ms == T0 + 11 * MINUTE
    story.at(12 * MINUTE)
    refuse(story, FailureClass.NOT_FOUND, elapsed_ms=10)
    out = story.known().out
    assert out is not None
    assert out.recheck_at_ms == T0 + 17 * MINUTE


def test_a_success_brings_the_target_back(story: Story) -> None:
    refuse(story, FailureClass.NOT_FOUND, 2)
    story.at(5 * MINUTE).reports("g1", fingerprints=FP)
    (back,) = story.succeeds(probe=True)
    assert (back.kind, back.why, back.failure) == (
        EffectKind.TARGET_BACK,
        EndedWhy.SUCCESS,
        FailureClass.NOT_FOUND,
    )
    assert story.is_healthy()


def test_a_success_from_before_it_went_out_does_not(story: Story) -> None:
    story.at(2_000)
    refuse(story, FailureClass.NOT_FOUND, 2)
    assert story.succeeds(age=1) == []
    assert story.known().out is not None


# credentials


@pytest.mark.parametrize("failure", CREDENTIAL_WIDE)
def test_four_refusals_make_a_credential_suspect_whatever_the_target(
    story: Story, failure: FailureClass
) -> None:
    story.counted(1, target=OTHER)
    assert refuse(story, failure, 2) == []
    assert refuse(story, failure, 1, target=OTHER) == []
    found = story.fails(failure=failure, phase=Phase.HEADERS)
    assert [(e.kind, e.subject, e.fingerprint, e.failure) for e in found] == [
        (EffectKind.CREDENTIAL_SUSPECT, "provider/acme", "f1", failure)
    ]
    assert len(found[0].evidence) == 4
    assert story.state.refusals == {}
    assert story.is_healthy()


def test_a_credential_that_never_succeeded_is_suspect_after_two(story: Story) -> None:
    assert refuse(story, FailureClass.AUTH, 2) == [EffectKind.CREDENTIAL_SUSPECT]


def test_a_success_with_the_credential_breaks_its_run(story: Story) -> None:
    story.counted(1, target=OTHER)
    refuse(story, FailureClass.AUTH, 3)
    story.counted(1, target=OTHER)
    assert story.state.refusals == {}
    assert refuse(story, FailureClass.AUTH, 3) == []


def test_two_credentials_of_one_provider_have_runs_of_their_own(story: Story) -> None:
    story.reports("g2", fingerprints={"acme": "f2"})
    for gateway in ("g1", "g2"):
        story.counted(1, gateway, target=OTHER)
    refuse(story, FailureClass.AUTH, 3, gateway="g1")
    refuse(story, FailureClass.AUTH, 1, gateway="g2")
    story.counted(1, "g2", target=OTHER)
    assert list(story.state.refusals["acme"]) == ["f1"]
    assert refuse(story, FailureClass.AUTH, 1, gateway="g1") == [EffectKind.CREDENTIAL_SUSPECT]


def test_another_credential_s_run_stays_when_one_is_suspect(story: Story) -> None:
    story.reports("g2", fingerprints={"acme": "f2"})
    story.fails("g2", failure=FailureClass.AUTH, phase=Phase.HEADERS)
    assert refuse(story, FailureClass.AUTH, 2) == [EffectKind.CREDENTIAL_SUSPECT]
    assert list(story.state.refusals["acme"]) == ["f2"]


def test_a_success_of_another_provider_leaves_the_run(story: Story) -> None:
    story.declares("other/m")
    story.reports("g1", fingerprints={"acme": "f1", "other": "f9"})
    story.counted(1, target=OTHER)
    refuse(story, FailureClass.AUTH, 3)
    story.counted(1, target="other/m")
    assert refuse(story, FailureClass.AUTH) == [EffectKind.CREDENTIAL_SUSPECT]


def test_refusals_without_a_known_credential_accuse_nobody(story: Story) -> None:
    story.reports("g1", fingerprints={})
    assert refuse(story, FailureClass.AUTH, 9) == []


def test_refusals_of_a_removed_provider_accuse_nobody(story: Story) -> None:
    del story.state.providers["acme"]
    assert refuse(story, FailureClass.AUTH, 9) == []
    assert story.succeeds(probe=True) == []


def quarantined(story: Story) -> Story:
    event = CredentialQuarantined(
        provider="acme", fingerprint="f1", failure=FailureClass.AUTH, recheck_ms=5 * MINUTE, evidence=(1, 2)
    )
    story.decide("provider/acme", event)
    return story


def test_a_failed_recheck_of_a_credential_sets_the_next(story: Story) -> None:
    quarantined(story)
    row = story.state.providers["acme"].quarantines["f1"]
    assert (row.since_ms, row.recheck_at_ms, row.evidence) == (T0, T0 + 5 * MINUTE, (1, 2))
    assert refuse(story.at(1_000), FailureClass.AUTH, 4) == []
    assert story.state.providers["acme"].quarantines["f1"] == row
    refuse(story.at(5 * MINUTE), FailureClass.AUTH, probe=True)
    assert story.state.providers["acme"].quarantines["f1"].recheck_at_ms == T0 + 10 * MINUTE


def test_a_successful_recheck_proves_the_credential(story: Story) -> None:
    quarantined(story)
    assert story.succeeds() == []
    (proved,) = story.succeeds(probe=True)
    assert (proved.kind, proved.subject, proved.fingerprint) == (
        EffectKind.CREDENTIAL_PROVED,
        "provider/acme",
        "f1",
    )
    assert proved.evidence == (story.log[-1].position,)
    story.decide("provider/acme", CredentialReleased(provider="acme", fingerprint="f1"))
    assert story.state.providers["acme"].quarantines == {}
    assert story.succeeds(probe=True) == []


def test_a_late_recheck_proves_nothing(story: Story) -> None:
    quarantined(story)
    assert story.at(60_000).succeeds(probe=True, age=5_001) == []
