"""From a moment of the routing state to what people see of it: one function per resource.

Rule: now and then are the same code. A `Scene` is a state, its snapshot and the log time to read them at;
whether it is the live one or one folded for `?at=` makes no difference here, so the two cannot drift.
Eligibility comes from the domain's own views; nothing here reads a row to judge whether a target may be
called.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from interlock_control.answers import (
    GatewayAnswer,
    InPool,
    MemberAnswer,
    PoolAnswer,
    ProviderAnswer,
    QuarantineAnswer,
    SetBy,
    ShapeAnswer,
    StateAnswer,
    TargetAnswer,
)
from interlock_control.scene import Scene
from interlock_domain.events import GatewayReported
from interlock_domain.projection.state import GatewayState
from interlock_domain.routing.decision import Candidate
from interlock_domain.routing.views import pool_view, target_view
from interlock_domain.rows import StateRow
from interlock_domain.snapshot.snapshot import CompiledMember, Snapshot
from interlock_domain.words import ALL_SHAPES, AdminState, Eligibility, Reason, Shape

_ORDER = tuple(Eligibility)
_STRUCTURAL = frozenset(
    (Reason.API_UNSUPPORTED, Reason.CAPABILITY_MISSING, Reason.CONTEXT_WINDOW, Reason.TEMPLATE_FAILED)
)
"""Reasons that tell what a target is, not how it is: they make no target unwell."""


class Kind(StrEnum):
    """The resources that can be shown now and then."""

    TARGETS = "targets"
    POOLS = "pools"
    PROVIDERS = "providers"
    GATEWAYS = "gateways"
    STATE = "state"


def shown(scene: Scene, kind: Kind) -> object:
    """One resource of a scene, ready to be encoded."""
    return _SHOWS[kind](scene)


def show_state(scene: Scene) -> StateAnswer:
    """Everything at once."""
    return StateAnswer(
        position=scene.state.position,
        log_ms=scene.state.log_ms,
        as_of_ms=scene.as_of_ms,
        version=scene.version,
        revision=scene.state.catalog.revision,
        targets=tuple(show_targets(scene)),
        pools=tuple(show_pools(scene)),
        providers=tuple(show_providers(scene)),
        gateways=tuple(show_gateways(scene)),
    )


def show_targets(scene: Scene) -> list[TargetAnswer]:
    """Every declared target and pool member, in catalog order."""
    if scene.snapshot is None:
        return []
    pools = _effective(scene)
    return [show_target(scene, target, pools.get(target, ())) for target in scene.snapshot.targets]


def show_target(scene: Scene, target: str, in_pools: Iterable[InPool]) -> TargetAnswer:
    """One target; it must be one of the snapshot's."""
    snapshot = scene.loaded
    compiled, row = snapshot.targets[target], snapshot.dynamic.targets.get(target)
    seen = {shape: target_view(snapshot, target, shape, scene.as_of_ms) for shape in _shapes(scene, target)}
    shapes = {
        shape.value: _shape_answer(scene, target, shape, found)
        for shape, found in seen.items()
        if found is not None
    }
    return TargetAnswer(
        id=target,
        provider=compiled.provider.name,
        state=_worst(shapes.values()),
        reasons=tuple(dict.fromkeys(reason for shape in shapes.values() for reason in shape.reasons)),
        shapes=shapes,
        in_pools=tuple(in_pools),
        set_by=_set_by(row.state if row is not None else None, scene.as_of_ms),
        declared=compiled.target is not None,
    )


def show_pools(scene: Scene) -> list[PoolAnswer]:
    """Every pool, in catalog order."""
    if scene.snapshot is None:
        return []
    return [_pool_answer(scene, name) for name in scene.snapshot.pools]


def show_providers(scene: Scene) -> list[ProviderAnswer]:
    """Every provider, in catalog order."""
    if scene.snapshot is None:
        return []
    return [_provider_answer(scene.snapshot, name, scene.as_of_ms) for name in scene.snapshot.providers]


def show_gateways(scene: Scene) -> list[GatewayAnswer]:
    """Every worker of every gateway, as it last reported."""
    return [
        _gateway_answer(scene, name, gateway, key)
        for name, gateway in sorted(scene.state.gateways.items())
        for key in sorted(gateway.boots)
    ]


def effective_in(scene: Scene, target: str) -> tuple[InPool, ...]:
    """A target's states in the pools that name it."""
    return tuple(_effective(scene).get(target, ()))


def _effective(scene: Scene) -> dict[str, list[InPool]]:
    found: dict[str, list[InPool]] = {}
    for pool in scene.loaded.pools:
        for member in pool_view(scene.loaded, pool, Shape.TEXT, scene.as_of_ms):
            reason = member.reasons[0] if member.reasons else None
            found.setdefault(member.target, []).append(InPool(pool=pool, state=member.state, reason=reason))
    return found


def _shapes(scene: Scene, target: str) -> list[Shape]:
    """Text, and whatever other shape something is known about."""
    row = scene.loaded.dynamic.targets.get(target)
    rests = (*row.operator, *row.learned) if row is not None else ()
    known = {Shape.TEXT.value, *(rest.shape for rest in rests), *scene.strikes(target)}
    return [shape for shape in Shape if shape.value in known]


def _shape_answer(scene: Scene, target: str, shape: Shape, found: Candidate) -> ShapeAnswer:
    struck = scene.strikes(target)
    return ShapeAnswer(
        state=found.state,
        reason=found.reasons[0] if found.reasons else None,
        reasons=found.reasons,
        remaining_s=remaining_s(found.until_ms, scene.as_of_ms),
        until_ms=found.until_ms,
        cause=found.cause,
        strikes=max(struck.get(shape.value, 0), struck.get(ALL_SHAPES, 0)),
    )


def _worst(shapes: Iterable[ShapeAnswer]) -> Eligibility:
    unwell = (s.state for s in shapes if not s.reasons or not _STRUCTURAL.issuperset(s.reasons))
    return max(unwell, key=_ORDER.index, default=Eligibility.ELIGIBLE)


def _pool_answer(scene: Scene, name: str) -> PoolAnswer:
    snapshot = scene.loaded
    compiled = snapshot.pools[name]
    seen = pool_view(snapshot, name, Shape.TEXT, scene.as_of_ms)
    members = tuple(
        _member_answer(member, found, scene.as_of_ms)
        for member, found in zip(compiled.members, seen, strict=True)
    )
    own = _set_by(compiled.row.state if compiled.row is not None else None, scene.as_of_ms)
    return PoolAnswer(
        name=name,
        strategy=compiled.strategy.value,
        state=own.state if own is not None else AdminState.ENABLED,
        set_by=own,
        eligible=sum(member.state in {Eligibility.ELIGIBLE, Eligibility.DEGRADED} for member in members),
        members=members,
        gateways=compiled.row.gateways if compiled.row is not None else (),
    )


def _member_answer(member: CompiledMember, found: Candidate, as_of_ms: int) -> MemberAnswer:
    return MemberAnswer(
        target=found.target,
        priority=member.priority,
        weight=member.weight,
        state=found.state,
        reasons=found.reasons,
        remaining_s=remaining_s(found.until_ms, as_of_ms),
        cause=found.cause,
        set_by=_set_by(member.state, as_of_ms),
    )


def _provider_answer(snapshot: Snapshot, name: str, as_of_ms: int) -> ProviderAnswer:
    provider, row = snapshot.providers[name], snapshot.dynamic.providers.get(name)
    own = _set_by(row.state if row is not None else None, as_of_ms)
    return ProviderAnswer(
        name=name,
        base_url=provider.base_url,
        apis=tuple(api.value for api in provider.apis),
        state=own.state if own is not None else AdminState.ENABLED,
        set_by=own,
        quarantines=tuple(
            QuarantineAnswer(
                fingerprint=found.fingerprint,
                failure=found.failure.value,
                since_ms=found.since_ms,
                recheck_in_s=remaining_s(found.recheck_at_ms, as_of_ms) or 0.0,
                evidence=found.evidence,
            )
            for found in (row.quarantines if row is not None else ())
        ),
        targets=tuple(
            target for target, compiled in snapshot.targets.items() if compiled.provider.name == name
        ),
        labels=provider.labels,
    )


def _gateway_answer(scene: Scene, name: str, gateway: GatewayState, key: str) -> GatewayAnswer:
    boot, (worker, _, boot_id) = gateway.boots[key], key.partition("/")
    report = boot.report or GatewayReported()
    return GatewayAnswer(
        gateway=name,
        worker=int(worker),
        boot=boot_id,
        live=gateway.live and report.moment != "stop",
        reported_s_ago=max(0, scene.as_of_ms - boot.reported_ms) / 1000,
        snapshot=report.snapshot,
        feed_age_ms=report.feed_age_ms,
        in_flight=report.in_flight,
        software=report.software,
        address=report.address,
        outcomes_dropped=report.outcomes_dropped,
        records_dropped=report.records_dropped,
        lost=boot.lost,
        pools=report.pools,
    )


def _set_by(row: StateRow | None, as_of_ms: int) -> SetBy | None:
    """An operator's state while it lasts."""
    if row is None or (row.until_ms is not None and as_of_ms >= row.until_ms):
        return None
    return SetBy(
        state=row.state,
        actor=row.actor,
        reason=row.reason,
        remaining_s=remaining_s(row.until_ms, as_of_ms),
        position=row.position,
    )


def remaining_s(until_ms: int | None, as_of_ms: int) -> float | None:
    """Seconds until a log time, never negative; None: no end is known."""
    return None if until_ms is None else max(0, until_ms - as_of_ms) / 1000


_SHOWS: Final[dict[Kind, Callable[[Scene], object]]] = {
    Kind.TARGETS: show_targets,
    Kind.POOLS: show_pools,
    Kind.PROVIDERS: show_providers,
    Kind.GATEWAYS: show_gateways,
    Kind.STATE: show_state,
}
