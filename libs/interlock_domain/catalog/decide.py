"""May this be done, and what happens then: a command against the catalog gives events or a refusal.

Rule: `decide` is pure and total. It names the stream of every event; the expected version of each stream is
the caller's, who read the catalog. A configuration never touches what operators set by hand, and one that
changes nothing gives no events. Dropped: one stream for everything, which would make readers of one target
read the whole catalog.
"""

from collections.abc import Iterable

from interlock_domain.catalog.apply import apply_config
from interlock_domain.catalog.commands import (
    ApplyConfig,
    Command,
    LiftCooldown,
    QuarantineCredential,
    ReleaseCredential,
    SetCooldown,
    SetMemberState,
    SetPoolState,
    SetProviderState,
    SetTargetState,
)
from interlock_domain.catalog.decided import Decided, Rejected, RejectedWhy, StreamEvents
from interlock_domain.catalog.declared import Declared
from interlock_domain.catalog.kinds.place import nearest_hint
from interlock_domain.catalog.kinds.scalars import TEN_YEARS_MS
from interlock_domain.catalog.target import split_target_id
from interlock_domain.events import (
    CooldownLifted,
    CooldownSet,
    CredentialQuarantined,
    CredentialReleased,
    Decision,
    MemberStateSet,
    PoolStateSet,
    ProviderStateSet,
    TargetStateSet,
)
from interlock_domain.words import ALL_SHAPES, Shape

__all__ = ["Decided", "Rejected", "RejectedWhy", "StreamEvents", "decide"]


def decide(declared: Declared, command: Command) -> Decided:
    """The events a command leads to, () when it changes nothing, or why it is refused."""
    if isinstance(command, ApplyConfig):
        return apply_config(declared, command)
    refused = _refusal(declared, command)
    return _operate(command) if refused is None else refused


_Operation = (
    SetProviderState
    | SetTargetState
    | SetPoolState
    | SetMemberState
    | SetCooldown
    | LiftCooldown
    | QuarantineCredential
    | ReleaseCredential
)


def _refusal(declared: Declared, command: _Operation) -> Rejected | None:
    unknown: Rejected | None
    match command:
        case SetMemberState():
            unknown = _unknown_member(declared, command)
        case SetPoolState():
            unknown = _unknown(RejectedWhy.UNKNOWN_POOL, "pool", command.pool, declared.pools)
        case SetTargetState() | SetCooldown() | LiftCooldown():
            unknown = _unknown_target(declared, command.target)
        case _:
            unknown = _unknown(RejectedWhy.UNKNOWN_PROVIDER, "provider", command.provider, declared.providers)
    return unknown or _bad_shape(command) or _bad_duration(command)


def _unknown(reason: RejectedWhy, what: str, name: str, known: Iterable[str]) -> Rejected | None:
    if name in known:
        return None
    hint = nearest_hint(name, known, f"See: interlock get {what}s")
    return Rejected(reason=reason, message=f"there is no {what} `{name}`", hint=hint)


def _unknown_target(declared: Declared, target: str) -> Rejected | None:
    """An undeclared exact model of a known provider may be operated on: it may be called, too."""
    provider, model = split_target_id(target)
    if model and provider in declared.providers:
        return None
    return _unknown(RejectedWhy.UNKNOWN_TARGET, "target", target, declared.targets)


def _unknown_member(declared: Declared, command: SetMemberState) -> Rejected | None:
    pool = declared.pools.get(command.pool)
    if pool is None:
        return _unknown(RejectedWhy.UNKNOWN_POOL, "pool", command.pool, declared.pools)
    members = [member.target for member in pool.members]
    if command.target in members:
        return None
    return Rejected(
        reason=RejectedWhy.UNKNOWN_MEMBER,
        message=f"pool `{pool.name}` has no member `{command.target}`",
        hint=nearest_hint(command.target, members, f"Members: {', '.join(members)}."),
    )


def _bad_shape(command: _Operation) -> Rejected | None:
    if not isinstance(command, SetCooldown | LiftCooldown) or command.shape in {ALL_SHAPES, *Shape}:
        return None
    hint = f"Shapes: {', '.join(Shape)}, or {ALL_SHAPES} for all."
    return Rejected(
        reason=RejectedWhy.UNKNOWN_SHAPE, message=f"there is no shape `{command.shape}`", hint=hint
    )


def _bad_duration(command: _Operation) -> Rejected | None:
    match command:
        case SetCooldown():
            ms: int | None = command.duration_ms
        case QuarantineCredential():
            ms = command.recheck_ms
        case LiftCooldown() | ReleaseCredential():
            ms = None
        case _:
            ms = command.expires_in_ms
    if ms is None or 0 < ms <= TEN_YEARS_MS:
        return None
    message = f"{ms} ms is no duration for this"
    return Rejected(
        reason=RejectedWhy.BAD_DURATION, message=message, hint="Give one above 0s, for example 10m."
    )


def _operate(command: _Operation) -> tuple[StreamEvents, ...]:
    stream, event = _operation(command)
    return (StreamEvents(stream=stream, events=(event,)),)


def _operation(command: _Operation) -> tuple[str, Decision]:
    match command:
        case SetProviderState(provider=name, state=state, expires_in_ms=expiry):
            return f"provider/{name}", ProviderStateSet(provider=name, state=state, expires_in_ms=expiry)
        case SetTargetState(target=name, state=state, expires_in_ms=expiry):
            return f"target/{name}", TargetStateSet(target=name, state=state, expires_in_ms=expiry)
        case SetPoolState(pool=name, state=state, expires_in_ms=expiry):
            return f"pool/{name}", PoolStateSet(pool=name, state=state, expires_in_ms=expiry)
        case SetMemberState(pool=name, target=target, state=state, expires_in_ms=expiry):
            event = MemberStateSet(pool=name, target=target, state=state, expires_in_ms=expiry)
            return f"pool/{name}", event
        case SetCooldown(target=name, shape=shape, duration_ms=ms):
            return f"target/{name}", CooldownSet(target=name, shape=shape, duration_ms=ms)
        case LiftCooldown(target=name, shape=shape):
            return f"target/{name}", CooldownLifted(target=name, shape=shape)
        case _:
            return f"provider/{command.provider}", _credential(command)


def _credential(command: QuarantineCredential | ReleaseCredential) -> Decision:
    if isinstance(command, ReleaseCredential):
        return CredentialReleased(provider=command.provider, fingerprint=command.fingerprint)
    return CredentialQuarantined(
        provider=command.provider,
        fingerprint=command.fingerprint,
        failure=command.failure,
        recheck_ms=command.recheck_ms,
        evidence=command.evidence,
    )
