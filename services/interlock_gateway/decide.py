"""One decision: gather every input, ask the one routing function, remember what it gave away."""

from msgspec.structs import replace

from interlock_domain.health.half_open import slot_end_ms
from interlock_domain.routing.decision import Decision, RouteInputs, Traits, UnknownModel
from interlock_domain.routing.route import route
from interlock_domain.snapshot.snapshot import CompiledPool, Snapshot
from interlock_domain.words import StrategyName
from interlock_gateway.exchange import Exchange
from interlock_protocols.requests.context_length import context_tokens
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.splice.exposed_model import ExposedModel


def decide(
    x: Exchange, snapshot: Snapshot, request: InferenceRequest
) -> tuple[CompiledPool, Decision] | UnknownModel:
    """Resolve the model once and plan; the inputs are kept on the exchange for its record."""
    gw = x.gw
    pool = snapshot.resolve(request.model)
    shape = request.traits.shape
    as_of_ms = gw.follow.as_of_ms()
    local = gw.local
    x.inputs = RouteInputs(
        model=request.model,
        traits=_traits(x, pool, request),
        as_of_ms=as_of_ms,
        seed=gw.ids.seed(),
        gateway=gw.identity.gateway,
        worker=gw.identity.worker,
        workers=gw.identity.workers,
        turn=_turn(x, pool, shape),
        local=local.open_targets(shape, gw.monotonic() * 1000) if local.breakers.any_open else (),
        probed=local.probed(as_of_ms),
        fingerprints=_fingerprints(x, pool) if snapshot.dynamic.providers else {},
    )
    if pool is None:
        return UnknownModel(request.model)
    x.pool = pool.name
    if pool.expose_model == "pool":
        x.exposed = ExposedModel(request.traits.api, pool.name)
    if "/" not in pool.name or pool.name in snapshot.targets:  # clients invent exact names
        gw.pools_asked[pool.name] = x.started
    decision = route(snapshot, x.inputs)
    if isinstance(decision, UnknownModel):
        return decision
    x.decision = decision
    for candidate in decision.candidates:
        if not candidate.probe or not x.surface.evidence:
            break  # probes are ranked first
        gw.local.gave_probe(candidate.target, _slot_end_ms(x.inputs, pool, candidate.target))
    return pool, decision


def _traits(x: Exchange, pool: CompiledPool | None, request: InferenceRequest) -> Traits:
    """With the size of the prompt, where the pool has a target that it may be too long for.

    What is too long for all of them is left to the upstream to say: clients shorten a conversation when they
    read its words, and nothing of ours would tell them to.
    """
    traits = request.traits
    if pool is None or pool.narrowest is None or not x.surface.windowed:
        return traits
    tokens = context_tokens(request.body, traits.api, window=pool.narrowest)
    if tokens is None or (pool.widest is not None and tokens > pool.widest):
        return traits
    return replace(traits, context_tokens=tokens)


def _slot_end_ms(inputs: RouteInputs, pool: CompiledPool, target: str) -> int:
    """When somebody may probe the target anew: the end of the slot of whatever waits for this probe."""
    member = next(member for member in pool.members if member.target.id == target)
    intervals = [member.target.policy.half_open.probe_interval_ms]
    if member.row is not None and member.row.out is not None:
        intervals.append(member.row.out.recheck_ms)
    if member.provider_row is not None:
        used = inputs.fingerprints.get(member.target.provider.name)
        intervals += [q.recheck_ms for q in member.provider_row.quarantines if q.fingerprint == used]
    return max(slot_end_ms(inputs.as_of_ms, interval) for interval in intervals)


def _turn(x: Exchange, pool: CompiledPool | None, shape: str) -> int:
    if pool is None or pool.strategy is not StrategyName.WEIGHTED_ROUND_ROBIN:
        return 0
    return x.gw.local.turn(pool.name, shape)


def _fingerprints(x: Exchange, pool: CompiledPool | None) -> dict[str, str]:
    if pool is None:
        return {}
    known = x.gw.fingerprints
    names = {m.target.provider.name for m in pool.members if m.provider_row and m.provider_row.quarantines}
    return {name: known[name] for name in sorted(names) if name in known}
