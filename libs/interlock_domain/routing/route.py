"""route(): one request's decision over one snapshot.

Rule: a pure function of (snapshot, inputs) and nothing else; equal arguments give equal bytes, and a
proof calls this very function. In a still lane (no row says anything, the usual hour) the answer is
an object made once per order; else each member of the pool is judged. Nothing here grows with the
number of targets in the fleet. Dropped: deciding again between attempts, because then no single
value could say why a request went where it went.
"""

from typing import Final

from interlock_domain.routing.arrange import arrange, ordered
from interlock_domain.routing.decision import Decision, RouteInputs, UnknownModel
from interlock_domain.routing.eligibility import CLEAN, STALE_AFTER_MS, Asker, Moment, standing
from interlock_domain.routing.lane import Lane, compile_lane
from interlock_domain.routing.strategies.draw import Draw
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import StrategyName

SETTLED_KEPT: Final = 512
"""Decisions kept per still lane: all orders of five members are 120; bigger pools make theirs anew."""

_LISTED: Final[tuple[int, ...]] = ()
"""Memo key of the one order that priority_failover has in a still lane."""


def route(snapshot: Snapshot, inputs: RouteInputs) -> Decision | UnknownModel:
    """Which candidates, in which order, and why; an empty pool gives a decision without candidates."""
    pool = snapshot.resolve(inputs.model)
    if pool is None:
        return UnknownModel(inputs.model)
    traits = inputs.traits
    key = (traits.api, traits.shape, traits.needs)
    lane: Lane = pool.lanes.get(key) or compile_lane(pool, key)
    if lane.still and _nothing_asked(lane, inputs):
        if pool.strategy is StrategyName.PRIORITY_FAILOVER:
            return lane.settled.get(_LISTED) or _settle(lane, inputs, _LISTED)
        order = tuple(ordered(lane, lane.able, Draw(inputs.seed, inputs.turn)))
        return lane.settled.get(order) or _settle(lane, inputs, order)
    return _judge(snapshot, lane, inputs)


def _nothing_asked(lane: Lane, inputs: RouteInputs) -> bool:
    """Do the inputs hold nothing that could speak against a member?"""
    tokens = inputs.traits.context_tokens
    narrowest = lane.pool.narrowest
    fits = tokens is None or narrowest is None or tokens <= narrowest
    if lane.mute and inputs.traits.stream:
        return False
    return fits and (not inputs.local or lane.targets.isdisjoint(inputs.local))


def _settle(lane: Lane, inputs: RouteInputs, key: tuple[int, ...]) -> Decision:
    moment = Moment(inputs.as_of_ms)
    standings = [standing(entry, None, moment) if entry.structural else CLEAN for entry in lane.entries]
    decision = arrange(lane, standings, Draw(inputs.seed, inputs.turn))
    if len(lane.settled) < SETTLED_KEPT:
        lane.settled[key] = decision
    return decision


def _judge(snapshot: Snapshot, lane: Lane, inputs: RouteInputs) -> Decision:
    pool_row = lane.pool.row
    active = pool_row.gateways if pool_row is not None else ()
    moment = Moment(
        as_of_ms=inputs.as_of_ms,
        stale=inputs.as_of_ms - snapshot.commit.log_ms > STALE_AFTER_MS,
        context_tokens=inputs.traits.context_tokens,
        stream=inputs.traits.stream,
        fingerprints=inputs.fingerprints,
        asker=Asker(
            gateway=inputs.gateway,
            seed=inputs.seed,
            local=inputs.local,
            probed=inputs.probed,
            gateways=active or snapshot.commit.gateways or (inputs.gateway,),
            worker=inputs.worker,
            workers=inputs.workers,
        ),
    )
    standings = [standing(entry, pool_row, moment) for entry in lane.entries]
    return arrange(lane, standings, Draw(inputs.seed, inputs.turn))
