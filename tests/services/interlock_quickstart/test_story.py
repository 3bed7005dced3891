"""The live view: one line one fact, and no flood."""

from interlock_domain.attempt.record import AttemptRecord, RequestRecord
from interlock_domain.catalog.policy import HalfOpenPolicy, TargetPolicy
from interlock_domain.projection.effects import Effect
from interlock_domain.routing.decision import RouteInputs, Traits
from interlock_domain.words import EffectKind, EndedWhy, FailureClass, Outcome, Provenance, Result
from interlock_quickstart.story import Story, seconds

POLICY = TargetPolicy(half_open=HalfOpenPolicy(probe_interval_ms=1_000, ramp_from=0.1, ramp_ms=3_000))


class Watched:
    """A story whose clock stands where the test puts it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.story = Story(self.lines.append, monotonic=lambda: self.now, policy_of=lambda target: POLICY)

    @property
    def last(self) -> str:
        """The last line, blanks squeezed."""
        return " ".join(self.lines[-1].split())


def effect(kind: EffectKind, **given: object) -> Effect:
    fields: dict[str, object] = {"subject": "target/atlas/large", "position": 9, "n": 0, "at_ms": 50_000}
    return Effect(kind=kind, **{**fields, **given})  # type: ignore[arg-type]


def record(
    number: int, *targets: str, result: Result = Result.ANSWERED, reason: str | None = None
) -> RequestRecord:
    last = Outcome.SUCCEEDED if result is Result.ANSWERED else Outcome.FAILED
    attempts = tuple(
        AttemptRecord(
            number=place + 1,
            target=target,
            outcome=last if place == len(targets) - 1 else Outcome.FAILED,
            started_ms=0,
            ended_ms=10,
        )
        for place, target in enumerate(targets)
    )
    return RequestRecord(
        request_id=f"{number:016x}",
        gateway="g",
        boot="b",
        seq=number,
        started_ms=0,
        duration_ms=84,
        pool="chat",
        inputs=RouteInputs(model="chat", traits=Traits(), as_of_ms=0, seed=1, gateway="g"),
        snapshot="g1:1",
        engine="1",
        decision=None,
        attempts=attempts,
        result=result,
        status=502,
        reason=reason,
    )


def test_given_a_heuristic_cooldown_then_class_count_length_and_shape_are_told() -> None:
    watched = Watched()
    opened = effect(
        EffectKind.COOLDOWN_OPENED,
        shape="text",
        failure=FailureClass.SERVER_ERROR,
        provenance=Provenance.HEURISTIC,
        until_ms=53_000,
        evidence=(7, 9),
    )
    watched.now = 112.1
    watched.story.effects([opened])
    assert watched.last == "12.1s atlas/large server_error x2 cooled 3.0s for text"


def test_given_a_stated_cooldown_of_all_shapes_then_the_upstream_is_named() -> None:
    watched = Watched()
    stated = effect(
        EffectKind.COOLDOWN_OPENED,
        shape="*",
        failure=FailureClass.RATE_LIMIT,
        provenance=Provenance.STATED,
        until_ms=70_000,
        level=2,
    )
    watched.story.effects([stated])
    assert watched.lines[0].endswith("cooled 20s for all shapes, as the upstream asked, doubled 2 times")


def test_given_the_way_back_then_half_open_recovery_and_return_are_told() -> None:
    watched = Watched()
    watched.story.effects(
        [
            effect(EffectKind.PROBE_WINDOW_OPENED, shape="text"),
            effect(EffectKind.COOLDOWN_ENDED, shape="text", why=EndedWhy.SUCCESS),
            effect(EffectKind.RAMP_STARTED, shape="text"),
            effect(EffectKind.RAMP_ENDED, shape="text"),
        ]
    )
    told = [line.split(maxsplit=2)[2] for line in watched.lines]
    assert [line.split()[0] for line in told] == ["half-open", "recovered", "back"]
    assert told[1].endswith("ramp 10% -> 100% over 3.0s")


def test_given_a_failover_then_the_path_is_told_and_explained_once_at_the_recovery() -> None:
    watched = Watched()
    watched.story.records([record(0xABCDEF << 40, "atlas/large", "breeze/large")])
    told = "req abcdef atlas/large -> breeze/large answered in 84 ms, the client saw nothing"
    assert watched.last.endswith(told)
    for _ in range(2):
        watched.story.effects([effect(EffectKind.RAMP_STARTED, shape="text")])
    assert sum("interlock explain abcdef" in line for line in watched.lines) == 1


def test_given_requests_that_went_as_planned_then_nothing_is_told() -> None:
    watched = Watched()
    watched.story.records([record(1, "atlas/large"), record(2, "atlas/large", result=Result.CLIENT_ABORT)])
    assert watched.lines == []


def test_given_many_equal_failovers_in_a_second_then_one_is_shown_and_the_rest_counted() -> None:
    watched = Watched()
    for number in range(50):
        watched.story.records([record(number, "atlas/large", "breeze/large")])
    watched.now += 1.0
    watched.story.records([record(99, "atlas/large", "breeze/large")])
    assert len(watched.lines) == 2
    assert watched.lines[1].endswith("(and 49 more like it)")


def test_given_a_broken_stream_then_the_client_was_told() -> None:
    watched = Watched()
    watched.story.records([record(1, "atlas/large", result=Result.BROKEN, reason="truncated")])
    assert watched.lines[0].endswith(
        "broke off after its first content (truncated), the client was told in-band"
    )


def test_given_an_exhausted_request_then_status_and_failures_are_told() -> None:
    watched = Watched()
    watched.story.records([record(1, "a/x", "b/x", result=Result.EXHAUSTED, reason="server_error")])
    assert watched.lines[0].endswith("failed with 502: server_error after 2 failed attempts")


def test_every_effect_with_words_has_a_subject_without_its_kind() -> None:
    watched = Watched()
    for kind in EffectKind:
        watched.story.effects([effect(kind, failure=FailureClass.AUTH, provenance=Provenance.OPERATOR)])
    assert watched.lines
    assert all(line.split()[1] == "atlas/large" for line in watched.lines if "explain" not in line)


def test_lengths_of_time_are_short() -> None:
    assert [seconds(ms) for ms in (900, 3_000, 15_000, 300_000)] == ["0.9s", "3.0s", "15s", "5 min"]
