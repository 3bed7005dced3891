"""Small events and rows for contract suites: as plain as the ports allow."""

from interlock_domain.events import AttemptFailed, Event, ProviderRemoved
from interlock_domain.projection.effects import Effect
from interlock_domain.recorded import NewEvent, Source
from interlock_domain.rows import CommitRow
from interlock_domain.words import EffectKind, FailureClass, Phase
from interlock_eventlog.log import StreamAppend


def decision(id: str, event: Event | None = None, *, reason: str | None = None) -> NewEvent:
    """A decision with a full set of metadata."""
    return NewEvent(
        id=id,
        event=event or ProviderRemoved(provider="p"),
        actor="alice",
        reason=reason,
        correlation=f"for-{id}",
        causation="command-1",
    )


def failure(seq: int, *, gateway: str = "g1", target: str = "p/m", age_ms: int = 0) -> NewEvent:
    """A failed attempt, identified as gateways do."""
    event = AttemptFailed(
        request=f"r{seq}",
        attempt=1,
        pool="chat",
        target=target,
        shape="text",
        failure=FailureClass.SERVER_ERROR,
        phase=Phase.HEADERS,
        status=500,
    )
    source = Source(gateway=gateway, boot="b1", seq=seq)
    return NewEvent(id=f"{gateway}/0/b1/{seq}", event=event, source=source, age_ms=age_ms)


def one(stream: str, expected: int | None, *events: NewEvent) -> StreamAppend:
    """An append to one stream."""
    return StreamAppend(stream=stream, expected_version=expected, events=events)


def commit_row(position: int, *, epoch: int = 1, generation: int = 1) -> CommitRow:
    """A commit of the feed."""
    return CommitRow(
        generation=generation,
        epoch=epoch,
        position=position,
        log_ms=position * 1000,
        digest=f"{position:032x}",
        gateways=("g1",),
    )


def effect(position: int, n: int = 0, *, subject: str = "target/p/m") -> Effect:
    """A cooldown that the fold opened."""
    return Effect(
        kind=EffectKind.COOLDOWN_OPENED,
        subject=subject,
        position=position,
        n=n,
        at_ms=position * 1000,
        shape="text",
        evidence=(position,),
    )
