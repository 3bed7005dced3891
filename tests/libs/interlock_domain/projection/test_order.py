"""Repetition, gaps and batches: what the log does when its writers crash and start again."""

from msgspec.structs import replace

from interlock_domain.catalog.pool import Member, Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target
from interlock_domain.events import (
    AttemptFailed,
    ClockTicked,
    ConfigApplied,
    PoolDefined,
    ProviderDefined,
    ProviderStateSet,
    TargetDefined,
    TargetStateSet,
)
from interlock_domain.projection.checkpoint import decode_state, encode_state
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import all_rows
from interlock_domain.projection.state import Gap
from interlock_domain.recorded import RecordedEvent
from interlock_domain.words import AdminState, FailureClass, Phase
from tests.libs.interlock_domain.projection.story import T0, TARGET, Story

CONFIG = ConfigApplied(revision=1, base_revision=0, digest="d", origin="file")
PROVIDER = ProviderDefined(provider=Provider(name="acme", base_url="http://up"))
TARGET_EVENT = TargetDefined(target=Target(id=TARGET, provider="acme", model="large"))
POOL = PoolDefined(pool=Pool(name="chat", members=(Member(target=TARGET),)))


def applying() -> tuple[Story, list[RecordedEvent]]:
    story = Story()
    return story, story.batch(
        ("config", CONFIG),
        ("provider/acme", PROVIDER),
        (f"target/{TARGET}", TARGET_EVENT),
        ("pool/chat", POOL),
        id="apply-1",
    )


def gap_of(story: Story) -> Gap | None:
    """The missing decision, if any."""
    return story.state.gap


def again(story: Story, record: RecordedEvent) -> RecordedEvent:
    """The same record once more, at the end of the log."""
    fresh = story.record("clock", ClockTicked())
    return replace(record, position=fresh.position, recorded_ms=fresh.recorded_ms)


# batches


def test_a_batch_is_shown_at_its_last_record() -> None:
    story, records = applying()
    for record in records[:-1]:
        assert story.fold(record) == []
        assert (story.state.position, story.state.staging) == (0, True)
        assert all_rows(story.state) == {}
    story.fold(records[-1])
    assert (story.state.position, story.state.staging) == (records[-1].position, False)
    assert story.state.catalog.revision == 1
    assert set(story.state.targets) == {TARGET}


def test_a_batch_may_be_cut_by_a_checkpoint() -> None:
    story, records = applying()
    for record in records[:2]:
        story.fold(record)
    story.state = decode_state(encode_state(story.state))
    for record in records:
        story.fold(record)
    assert story.state.position == records[-1].position
    assert set(story.state.pools) == {"chat"}


def test_a_batch_of_one_is_shown_at_once() -> None:
    story = Story()
    (record,) = story.batch(("config", CONFIG))
    story.fold(record)
    assert story.state.catalog.revision == 1


def test_facts_between_the_records_of_a_batch_wait_with_it_and_keep_their_order() -> None:
    story, records = applying()
    story.fold(records[0])
    story.reports("g1")
    assert story.state.gateways == {}
    last = [replace(r, position=r.position + 100) for r in records[1:]]
    for record in last:
        story.fold(record)
    assert set(story.state.gateways) == {"g1"}
    assert story.state.position == last[-1].position


def test_a_batch_that_was_published_twice_is_applied_once() -> None:
    story, records = applying()
    for record in records:
        story.fold(record)
    story.decide("provider/acme", ProviderStateSet(provider="acme", state=AdminState.DRAINED))
    before = all_rows(story.state)
    for record in records:
        story.fold(again(story, record))
        assert not story.state.staging
    assert all_rows(story.state) == before
    assert gap_of(story) is None


def test_a_batch_that_was_begun_twice_is_whole() -> None:
    story, records = applying()
    for record in [*records[:2], *(replace(r, position=r.position + 100) for r in records)]:
        story.fold(record)
    assert set(story.state.pools) == {"chat"}
    assert gap_of(story) is None


def test_a_torn_batch_shows_a_gap_and_applies_nothing() -> None:
    story, records = applying()
    for record in (records[0], records[1], records[3]):
        story.fold(record)
    assert gap_of(story) == Gap(stream="config", expected=1, got=1, batch="apply-1")
    assert all_rows(story.state) == {}
    assert story.state.position == records[3].position


def test_a_torn_batch_is_applied_when_it_comes_again_as_a_whole() -> None:
    story, records = applying()
    for record in records[1:]:
        story.fold(record)
    assert gap_of(story) is not None
    for record in records:
        story.fold(again(story, record))
    assert gap_of(story) is None
    assert set(story.state.pools) == {"chat"}


def test_the_next_decision_shows_that_a_batch_is_torn() -> None:
    story, records = applying()
    story.fold(records[0])
    story.fold(story.record("policy", TARGET_EVENT, version=1))
    assert not story.state.staging
    found = gap_of(story)
    assert found is not None
    assert found.batch == "apply-1"
    assert story.state.targets == {}


def test_another_batch_shows_that_one_is_torn() -> None:
    story, records = applying()
    story.fold(records[0])
    for record in story.batch(("key/a", CONFIG), ("key/b", CONFIG), id="apply-2"):
        story.fold(record)
    found = gap_of(story)
    assert found is not None
    assert found.batch == "apply-1"
    assert story.state.catalog.revision == 0


# versions


def test_a_repeated_decision_changes_nothing() -> None:
    story = Story().declares(TARGET)
    story.decide(f"target/{TARGET}", TargetStateSet(target=TARGET, state=AdminState.DRAINED))
    drained = story.log[-1]
    story.decide(f"target/{TARGET}", TargetStateSet(target=TARGET, state=AdminState.ENABLED))
    story.fold(again(story, drained))
    assert story.is_healthy()


def test_a_missing_decision_stops_all_decisions_until_it_comes() -> None:
    story = Story().declares(TARGET)
    stream = f"target/{TARGET}"
    missing = story.record(stream, TargetStateSet(target=TARGET, state=AdminState.DRAINED), version=2)
    third = story.record(stream, TargetStateSet(target=TARGET, state=AdminState.ENABLED), version=3)
    story.fold(third)
    assert gap_of(story) == Gap(stream=stream, expected=2, got=3)
    story.fold(story.record("provider/b", PROVIDER, version=1))
    assert "provider/b" not in story.state.versions
    story.fold(again(story, third))
    assert gap_of(story) is not None
    story.fold(again(story, missing))
    assert gap_of(story) is None
    assert not story.is_healthy()
    story.fold(again(story, third))
    assert story.is_healthy()
    assert story.state.versions[stream] == 3


def test_facts_are_folded_across_a_gap() -> None:
    story = Story("g1").declares(TARGET)
    story.decide("pool/chat", POOL, version=5)
    assert gap_of(story) is not None
    story.fails(times=2)
    assert story.learned() is not None


def test_versions_inside_a_batch_follow_one_another() -> None:
    story = Story()
    for record in story.batch(("provider/acme", PROVIDER), ("provider/acme", PROVIDER)):
        story.fold(record)
    assert story.state.versions == {"provider/acme": 2}


def test_a_gap_inside_a_batch_stops_the_whole_batch() -> None:
    story = Story()
    first, second = story.batch(("config", CONFIG), ("provider/acme", PROVIDER), id="b")
    story.fold(first)
    story.fold(replace(second, version=2))
    assert gap_of(story) == Gap(stream="provider/acme", expected=1, got=2)
    assert story.state.catalog.revision == 0


def test_a_decision_without_a_version_is_applied_as_it_comes() -> None:
    story = Story()
    story.fold(story.record("provider/acme", PROVIDER))
    assert set(story.state.providers) == {"acme"}


# sequences


def test_a_fact_that_comes_again_changes_nothing() -> None:
    story = Story("g1").declares(TARGET)
    story.fails()
    for _ in range(5):
        story.fold(again(story, story.log[-1]))
    assert story.is_healthy()
    assert story.known().failed == 1


def test_what_is_missing_in_a_sequence_is_counted_as_lost() -> None:
    story = Story().declares(TARGET)
    story.skips("g1", 2)
    story.reports("g1")
    story.skips("g1", 3)
    story.reports("g1")
    assert story.state.gateways["g1"].boots["0/b1"].lost == 5


def test_workers_and_boots_have_sequences_of_their_own() -> None:
    story = Story("g1").declares(TARGET)
    story.reports("g1", boot="b2")
    story.reports("g1", boot="b3", worker=1)
    assert set(story.state.gateways["g1"].boots) == {"0/b1", "0/b2", "1/b3"}
    assert all(boot.lost == 0 for boot in story.state.gateways["g1"].boots.values())


def test_a_fact_without_a_source_is_only_counted() -> None:
    story = Story("g1").declares(TARGET)
    failed = AttemptFailed(
        request="r",
        attempt=1,
        pool="p",
        target=TARGET,
        shape="text",
        failure=FailureClass.SERVER_ERROR,
        phase=Phase.HEADERS,
    )
    story.fold(story.record("gateway/g1", failed))
    assert story.state.unattributed == 1
    assert story.known().failed == 0


def test_ticks_need_no_source() -> None:
    story = Story()
    story.at(500).ticks()
    assert (story.state.log_ms, story.state.unattributed) == (T0 + 500, 0)


def test_an_event_of_no_known_kind_moves_only_the_position() -> None:
    story = Story()
    record = story.record("clock", ClockTicked(), version=1)
    assert evolve(story.state, record) == ()
    assert (story.state.position, story.state.versions) == (record.position, {})
