"""Given/when/then for the fold: a story appends records to a log, folds each, and keeps what was observed.

Times are milliseconds since the story began. Records stand ten positions apart, so that a test can put a
duplicate between two of them without moving the others.
"""

from typing import Any

from interlock_domain.catalog.policy import CooldownPolicy, HalfOpenPolicy, Policy, TargetPolicy
from interlock_domain.catalog.pool import Member, Pool
from interlock_domain.catalog.provider import Provider
from interlock_domain.catalog.target import Target, split_target_id
from interlock_domain.events import (
    AttemptFailed,
    AttemptSucceeded,
    ClockTicked,
    Event,
    GatewayReported,
    PolicySet,
    PoolDefined,
    ProviderDefined,
    SuccessesCounted,
    SuccessRow,
    TargetDefined,
)
from interlock_domain.projection.effects import Effect
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import target_row
from interlock_domain.projection.state import State, TargetState, empty_state
from interlock_domain.recorded import BatchPart, RecordedEvent, Source
from interlock_domain.rows import CooldownRow
from interlock_domain.words import EffectKind, FailureClass, Phase

T0 = 1_700_000_040_000
"""A full minute, so that tests of sweeps can count from it."""
TARGET = "acme/large"
OTHER = "acme/small"


class Story:
    """A log in the making and its fold."""

    def __init__(self, *gateways: str) -> None:
        self.state: State = empty_state()
        self.log: list[RecordedEvent] = []
        self.effects: list[Effect] = []
        self.now = 0
        self._seq: dict[tuple[str, str], int] = {}
        self._versions: dict[str, int] = {}
        self._requests = 0
        for gateway in gateways:
            self.reports(gateway)

    # given

    def declares(self, *targets: str, policy: TargetPolicy | None = None) -> "Story":
        """Providers and targets as a configuration would."""
        for name in targets:
            provider = split_target_id(name)[0]
            if provider not in self.state.catalog.providers:
                self.provider(provider)
            self.target(name)
        if policy is not None:
            self.decide("policy", PolicySet(policy=Policy(target=policy)))
        return self

    def provider(self, name: str, base_url: str = "http://up") -> list[Effect]:
        return self.decide(
            f"provider/{name}", ProviderDefined(provider=Provider(name=name, base_url=base_url))
        )

    def target(self, name: str, **facts: Any) -> list[Effect]:
        provider, model = split_target_id(name)
        target = Target(id=name, provider=provider, model=model, **facts)
        return self.decide(f"target/{name}", TargetDefined(target=target))

    def pool(self, name: str, *targets: str) -> list[Effect]:
        members = tuple(Member(target=target) for target in targets)
        return self.decide(f"pool/{name}", PoolDefined(pool=Pool(name=name, members=members)))

    # when

    def at(self, now: int) -> "Story":
        """The next records are appended at this time."""
        self.now = now
        return self

    def decide(self, stream: str, event: Event, **envelope: Any) -> list[Effect]:
        """A single decision, with the next version of its stream."""
        version = envelope.pop("version", None) or self._versions.get(stream, 0) + 1
        self._versions[stream] = max(version, self._versions.get(stream, 0))
        return self.fold(self.record(stream, event, version=version, **envelope))

    def fact(
        self, gateway: str, event: Event, *, boot: str = "b1", worker: int = 0, age: int = 0
    ) -> list[Effect]:
        """The next fact of a boot."""
        seq = self._seq.get((gateway, boot), 0) + 1
        self._seq[(gateway, boot)] = seq
        source = Source(gateway=gateway, worker=worker, boot=boot, seq=seq)
        return self.fold(self.record(f"gateway/{gateway}", event, source=source, age_ms=age))

    def skips(self, gateway: str, facts: int, boot: str = "b1") -> None:
        """Facts of a boot that never reach the log."""
        self._seq[(gateway, boot)] = self._seq.get((gateway, boot), 0) + facts

    def reports(self, gateway: str, *, boot: str = "b1", worker: int = 0, **said: Any) -> list[Effect]:
        return self.fact(gateway, GatewayReported(**said), boot=boot, worker=worker)

    def fails(
        self, gateway: str = "g1", *, times: int = 1, age: int = 0, boot: str = "b1", **said: Any
    ) -> list[Effect]:
        """Failed attempts of as many requests; a server error on text unless said otherwise."""
        found: list[Effect] = []
        for _ in range(times):
            self._requests += 1
            fields: dict[str, Any] = {
                "request": f"r{self._requests}",
                "attempt": 1,
                "pool": "chat",
                "target": TARGET,
                "shape": "text",
                "failure": FailureClass.SERVER_ERROR,
                "phase": Phase.PREAMBLE,
            }
            found += self.fact(gateway, AttemptFailed(**(fields | said)), age=age, boot=boot)
        return found

    def refused(self, gateway: str = "g1", **said: Any) -> list[Effect]:
        """A connection that was refused."""
        return self.fails(gateway, failure=FailureClass.DISCONNECT, phase=Phase.CONNECT, **said)

    def succeeds(self, gateway: str = "g1", *, age: int = 0, boot: str = "b1", **said: Any) -> list[Effect]:
        """One success told singly."""
        fields: dict[str, Any] = {
            "request": "s",
            "attempt": 1,
            "pool": "chat",
            "target": TARGET,
            "shape": "text",
        }
        return self.fact(gateway, AttemptSucceeded(**(fields | said)), age=age, boot=boot)

    def counted(
        self, n: int, gateway: str = "g1", *, target: str = TARGET, shape: str = "text", age: int = 0
    ) -> list[Effect]:
        """Successes of a second."""
        row = SuccessRow(target=target, shape=shape, count=n)
        return self.fact(gateway, SuccessesCounted(rows=(row,)), age=age)

    def ticks(self) -> list[Effect]:
        return self.fold(self.record("clock", ClockTicked()))

    def batch(self, *decisions: tuple[str, Event], id: str = "b") -> list[RecordedEvent]:
        """Records of one transaction, not folded yet."""
        records = []
        for index, (stream, event) in enumerate(decisions):
            version = self._versions[stream] = self._versions.get(stream, 0) + 1
            part = BatchPart(id=id, index=index, size=len(decisions))
            records.append(self.record(stream, event, version=version, batch=part))
        return records

    def record(self, stream: str, event: Event, **envelope: Any) -> RecordedEvent:
        """The next record of the log."""
        self._position = getattr(self, "_position", 0) + 10
        fields: dict[str, Any] = {"version": None, "id": str(self._position)}
        return RecordedEvent(
            position=self._position,
            recorded_ms=T0 + self.now,
            stream=stream,
            event=event,
            **(fields | envelope),
        )

    def fold(self, record: RecordedEvent) -> list[Effect]:
        """Fold a record; returns what it made observable, lost gateways left out (`effects` has all)."""
        self.log.append(record)
        found = evolve(self.state, record)
        self.effects += found
        return [effect for effect in found if effect.kind is not EffectKind.GATEWAY_LOST]

    # then

    def known(self, target: str = TARGET) -> TargetState:
        return self.state.targets[target]

    def learned(self, shape: str = "text", target: str = TARGET) -> CooldownRow | None:
        return self.known(target).learned.get(shape)

    def until(self, shape: str = "text", target: str = TARGET) -> int:
        """When the learned cooldown ends, on the story's time."""
        row = self.learned(shape, target)
        assert row is not None
        return row.until_ms - T0

    def is_healthy(self, target: str = TARGET) -> bool:
        return target_row(self.state, target) is None


def kinds(effects: list[Effect]) -> list[EffectKind]:
    """Only what happened."""
    return [effect.kind for effect in effects]


def quick(**cooldown: Any) -> TargetPolicy:
    """The default policy with other cooldown numbers."""
    return TargetPolicy(cooldown=CooldownPolicy(**cooldown))


def no_ramp() -> TargetPolicy:
    """A return at once."""
    return TargetPolicy(half_open=HalfOpenPolicy(ramp_ms=0))


def cooled(story: Story | None = None) -> Story:
    """A target whose text cooldown has just opened by two failures of g1."""
    told = story or Story("g1").declares(TARGET)
    told.fails(times=2)
    assert told.learned() is not None
    return told


def half_open(story: Story | None = None) -> Story:
    """The same, its time just over."""
    told = cooled(story)
    told.at(told.until()).ticks()
    return told


def ramping(story: Story | None = None) -> Story:
    """The same, after a successful probe."""
    told = half_open(story)
    told.succeeds(probe=True)
    return told
