"""A lane: one pool as requests of one (api, shape, needs) see it, with all that does not move settled.

Rule: whatever depends on catalog and rows alone is computed once per snapshot and lane; what depends
on the moment or on the request is left to eligibility.py. A lane in which nothing depends on the
moment is `still`, and its decision is made once for all requests. Dropped: bit arrays per pool over
all shapes, because a pool has three members and a struct per member is the faster bit array.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from interlock_domain.routing.decision import Decision
from interlock_domain.rows import CooldownRow
from interlock_domain.snapshot.snapshot import CompiledMember, CompiledPool
from interlock_domain.words import ALL_SHAPES, Api, Reason, Shape

LANES_KEPT: Final = 64
"""Lanes of one pool: 5 apis x 5 shapes, and room for odd sets of needs that a client may invent."""

LaneKey = tuple[Api | None, Shape, tuple[str, ...]]
"""Api None: seen by an operator, who asks no API in particular."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member in a lane: structural reasons against it, and the rests that count for the shape."""

    member: CompiledMember
    structural: tuple[Reason, ...] = ()
    window: int | None = None
    rests: tuple[CooldownRow, ...] = ()
    still: bool = True
    """No row says anything about it: neither time nor the request can change its standing."""
    mute: bool = False
    """It declares that it cannot stream."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The entries in pool order; `tiers` are their places by priority, then as listed."""

    pool: CompiledPool
    shape: Shape
    entries: tuple[Entry, ...]
    tiers: tuple[tuple[int, ...], ...]
    still: bool
    targets: frozenset[str]
    able: tuple[int, ...]
    """Places against which nothing structural stands."""
    mute: bool
    """A member cannot stream."""
    settled: dict[tuple[int, ...], Decision] = field(default_factory=dict, compare=False, repr=False)
    """Memo of a still lane: ranked places -> decision."""


def compile_lane(pool: CompiledPool, key: LaneKey) -> Lane:
    """Compile and keep a lane; the oldest one goes when there are too many."""
    kept: Lane | None = pool.lanes.get(key)
    if kept is not None:
        return kept
    entries = tuple(compile_entry(member, key, floor=pool.min_software_version) for member in pool.members)
    by_priority: dict[int, list[int]] = {}
    for place, member in enumerate(pool.members):
        by_priority.setdefault(member.priority, []).append(place)
    pool_still = pool.row is None or pool.row.state is None
    lane = Lane(
        pool=pool,
        shape=key[1],
        entries=entries,
        tiers=tuple(tuple(by_priority[priority]) for priority in sorted(by_priority)),
        still=pool_still and all(entry.still for entry in entries),
        targets=frozenset(member.target.id for member in pool.members),
        able=tuple(place for place, entry in enumerate(entries) if not entry.structural),
        mute=any(entry.mute for entry in entries),
    )
    if len(pool.lanes) >= LANES_KEPT:
        del pool.lanes[next(iter(pool.lanes))]
    pool.lanes[key] = lane
    return lane


def compile_entry(member: CompiledMember, key: LaneKey, *, floor: str | None = None) -> Entry:
    """What a lane knows of a member before any request comes."""
    api, shape, needs = key
    declared, row, provider_row = member.target.target, member.row, member.provider_row
    rests: tuple[CooldownRow, ...] = ()
    if row is not None:
        rests = tuple(r for r in (*row.operator, *row.learned) if r.shape in (ALL_SHAPES, shape))
    still = (
        not rests
        and member.state is None
        and (row is None or (row.state is None and row.out is None))
        and (provider_row is None or (provider_row.state is None and not provider_row.quarantines))
    )
    reasons: list[Reason] = []
    if api is not None and api not in member.target.provider.apis:
        reasons.append(Reason.API_UNSUPPORTED)
    if declared is None:
        return Entry(member, tuple(reasons), None, rests, still)
    if declared.capabilities is not None and not set(needs) <= set(declared.capabilities):
        reasons.append(Reason.CAPABILITY_MISSING)
    if (
        floor is not None
        and declared.software_version is not None
        and older(declared.software_version, floor)
    ):
        reasons.append(Reason.VERSION_FLOOR)
    if declared.template_ok is False and ("tools" in needs or shape in _WITH_TOOLS):
        reasons.append(Reason.TEMPLATE_FAILED)
    mute = declared.streams is False
    return Entry(member, tuple(reasons), declared.context_window, rests, still, mute)


_WITH_TOOLS: Final = frozenset((Shape.TOOLS, Shape.TOOLS_VISION))
_NUMBER: Final = re.compile(r"\d+")


def older(version: str, floor: str) -> bool:
    """Is a version below the floor, compared by the first number of each dotted part (b4512 is 4512)?"""
    ours, asked = _numbers(version), _numbers(floor)
    length = max(len(ours), len(asked))
    return ours + (0,) * (length - len(ours)) < asked + (0,) * (length - len(asked))


def _numbers(version: str) -> tuple[int, ...]:
    found = (_NUMBER.search(part) for part in version.split("."))
    return tuple(int(number.group()) if number else 0 for number in found)
