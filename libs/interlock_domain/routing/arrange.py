"""From standings to a plan: who is ranked, in which group, and who is passed over.

Groups, in this order, each by tier and within a tier by the pool's strategy:
1. the probe: at most one candidate per request, so that one client waits for one gamble only;
2. eligible candidates;
3. those that lost a ramp's lottery: returned and mostly well, hence before the next group;
4. those that only the cap keeps in (`cap_held`);
5. one that only the local breaker holds back, when nobody else is left.
Rule (D6): our own caution excludes at most max(1, floor(max_excluded x members not held hard or
firm)) members, never the last; the oldest rests stay, because the newest are the likeliest to be a
mistake of the moment. Dropped: letting the cap win by weight or rank, because then a change of
weights would change who is excluded.
"""

from collections.abc import Collection, Iterator, Sequence
from math import floor
from typing import Final

from interlock_domain.routing.decision import Candidate, Decision
from interlock_domain.routing.eligibility import Hold, Standing
from interlock_domain.routing.lane import Lane
from interlock_domain.routing.strategies.draw import Draw, next_tier
from interlock_domain.routing.strategies.table import STRATEGIES
from interlock_domain.words import Eligibility, Reason

_BOUND: Final = (Hold.HARD, Hold.FIRM)
"""Held back by somebody else's word: outside the cap's arithmetic."""


def arrange(lane: Lane, standings: Sequence[Standing], draw: Draw) -> Decision:
    """The plan of one request."""
    probe = next((i for tier in lane.tiers for i in tier if standings[i].may_probe), None)
    held = cap_held(lane, standings, probe=probe)
    groups: tuple[list[int], ...] = ([], [], [])
    for place, found in enumerate(standings):
        group = None if place == probe else _group(found, held=place in held)
        if group is not None:
            groups[group].append(place)
    ranked = [] if probe is None else [probe]
    for members in groups:
        ranked += ordered(lane, members, draw)
    if not ranked:
        ranked = _last_resort(lane, standings, held, draw)
    return Decision(
        pool=lane.pool.name,
        strategy=lane.pool.strategy,
        candidates=tuple(_candidates(lane, standings, ranked, probe=probe, held=held)),
    )


def cap_held(lane: Lane, standings: Sequence[Standing], *, probe: int | None = None) -> frozenset[int]:
    """Places that our own caution would exclude and the cap keeps in."""
    ours = [i for i, found in enumerate(standings) if found.worst is Hold.CAUTION and i != probe]
    if not ours:
        return frozenset()
    free = sum(found.worst not in _BOUND for found in standings)
    limit = min(max(1, floor(lane.pool.policy.max_excluded * free)), free - 1)
    ours.sort(key=lambda i: (_opened_ms(standings[i]), lane.entries[i].member.target.id))
    return frozenset(ours[limit:])


def ordered(lane: Lane, places: Collection[int], draw: Draw) -> list[int]:
    """Some places of a lane by tier, then by the pool's strategy."""
    if len(places) < 2:
        return list(places)
    order, chosen, found = STRATEGIES[lane.pool.strategy], frozenset(places), list[int]()
    for tier in lane.tiers:
        some = [place for place in tier if place in chosen]
        weights = tuple([lane.entries[place].member.weight for place in some])
        found += [some[at] for at in order(weights, draw)]
        draw = next_tier(draw, sum(weights))
    return found


def _group(found: Standing, *, held: bool) -> int | None:
    """0 eligible, 1 lost a ramp's lottery, 2 held in by the cap; None: passed over."""
    if found.worst is None:
        return 0
    if found.worst is Hold.RAMP:
        return 1
    return 2 if held and not found.local else None


def _last_resort(lane: Lane, standings: Sequence[Standing], held: Collection[int], draw: Draw) -> list[int]:
    """Local bits never exclude the last member: the best of those that nothing else excludes."""
    only_local = [i for i, found in enumerate(standings) if found.worst is Hold.LOCAL or i in held]
    return ordered(lane, only_local, draw)[:1]


def _opened_ms(found: Standing) -> int:
    return min(f.opened_ms for f in found.findings if f.hold is Hold.CAUTION)


def _candidates(
    lane: Lane,
    standings: Sequence[Standing],
    ranked: Sequence[int],
    *,
    probe: int | None,
    held: Collection[int],
) -> Iterator[Candidate]:
    for rank, place in enumerate(ranked, start=1):
        target, found = lane.entries[place].member.target.id, standings[place]
        if place == probe:
            first = found.findings[0]
            yield Candidate(
                target=target,
                state=Eligibility.DEGRADED,
                reasons=(Reason.PROBE,),
                rank=rank,
                probe=True,
                cause=first.cause,
                failure=first.failure,
            )
        else:
            yield candidate(target, found, rank=rank, held=place in held)
    planned = frozenset(ranked)
    for place, found in enumerate(standings):
        if place not in planned:
            yield candidate(lane.entries[place].member.target.id, found)


def candidate(target: str, found: Standing, *, rank: int | None = None, held: bool = False) -> Candidate:
    """One line of a decision or of a view, outside a probe."""
    if not found.findings:
        return Candidate(target=target, state=Eligibility.ELIGIBLE, rank=rank)
    degraded = held or (rank is not None and found.worst is not Hold.RAMP)
    return Candidate(
        target=target,
        state=Eligibility.DEGRADED if degraded else found.state,
        reasons=(Reason.CAP_HELD, *found.reasons) if held else found.reasons,
        rank=rank,
        until_ms=found.until_ms,
        cause=found.findings[0].cause,
        failure=found.findings[0].failure,
    )
