"""Which projection is in force: what is asked before the pointer moves, and the sentences when it may not.

Rule: a rebuild is promoted when it is near the end of the log and equal, row by row, to the one in force; a
fold that is meant to differ is promoted by saying so. A rollback asks nothing, because the one before was in
force already. The pointer moves only from where this answer saw it. Dropped: an event for it in the journal,
which the very projections that are changed over would have to fold.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from interlock_control.plane import ControlPlane
from interlock_control.problem import Problem, not_found
from interlock_views.promotion import Promotions, Standing

NEAR: Final = 5_000
"""Events that the new owner still folds before it publishes: some tenth of a second."""

_log = logging.getLogger(__name__)


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The pointer's move; `before` is where a rollback goes."""

    in_force: str
    before: str


async def promote(plane: ControlPlane, name: str, *, by: str, anyway: bool) -> Moved:
    """Put a rebuild in force; raises Problem. `anyway`: although its rows differ."""
    promotions = _several(plane)
    standings = await promotions.standings()
    old, new = _in_force(standings), _named(standings, name)
    if new.in_force:
        raise Problem(409, "in_force", f"{name} is in force already")
    _is_near(new, await plane.log.head())
    _is_equal(old, new, anyway=anyway)
    return await _move(promotions, new, old, by)


async def roll_back(plane: ControlPlane, name: str, *, by: str) -> Moved:
    """Put the one before back in force; raises Problem."""
    promotions = _several(plane)
    standings = await promotions.standings()
    now = _named(standings, name)
    if not now.in_force:
        raise Problem(409, "not_in_force", f"{name} is not in force: see GET /admin/v1/projections")
    before = next((one for one in standings if one.before), None)
    if before is None:
        raise Problem(409, "no_way_back", f"there was no other projection in force before {name}")
    return await _move(promotions, before, now, by)


async def shown(plane: ControlPlane) -> list[Mapping[str, object]]:
    """Every projection with its position and how many events it is behind; the one in force first."""
    followed, head = msgspec.to_builtins(plane.routing.status()), await plane.log.head()
    if plane.promotions is None:
        alone = Standing(name=followed["name"], epoch=0, position=followed["position"], in_force=True)
        return [followed | _stands(alone, head) | {"epoch": followed["epoch"]}]
    standings = await plane.promotions.standings()
    unowned = Standing(name=followed["name"], epoch=0, position=0, in_force=True)
    return [
        {**(followed if one.in_force else {}), **_stands(one, head)}
        for one in (standings if any(one.in_force for one in standings) else [unowned, *standings])
    ]


def _stands(one: Standing, head: int) -> dict[str, object]:
    told: dict[str, object] = msgspec.to_builtins(one)
    version = one.name.rpartition("-")[2]
    return told | {"version": version, "head": head, "behind": max(0, head - one.position)}


def _several(plane: ControlPlane) -> Promotions:
    if plane.promotions is None:
        raise Problem(
            409, "one_projection", "one process on a file has one projection: a cluster can rebuild beside it"
        )
    return plane.promotions


def _in_force(standings: Sequence[Standing]) -> Standing:
    found = next((one for one in standings if one.in_force), None)
    if found is None:
        raise Problem(409, "not_compared", "no projection is in force yet: start a projector first")
    return found


def _named(standings: Sequence[Standing], name: str) -> Standing:
    found = next((one for one in standings if one.name == name), None)
    if found is None:
        raise not_found(
            f"projection {name}", f"rebuild it with `interlock serve projector --projection {name}`"
        )
    return found


def _is_near(new: Standing, head: int) -> None:
    behind = head - new.position
    if behind > NEAR:
        detail = (
            f"{new.name} is {behind} events behind, and gateways would wait for it: wait until it is near"
        )
        raise Problem(409, "behind", detail, behind=behind)


def _is_equal(old: Standing, new: Standing, *, anyway: bool) -> None:
    found = new.compared
    if found is None or found.against != old.name:
        detail = f"{new.name} was not compared with {old.name} yet: let a projector of each run for a while"
        raise Problem(409, "not_compared", detail)
    if found.differing and not anyway:
        detail = (
            f"{found.differing} of {found.rows} rows of {new.name} differ from {old.name} at position "
            f"{found.position}: look at them, and say that this is meant to promote it all the same"
        )
        raise Problem(409, "differs", detail, compared=msgspec.to_builtins(found))


async def _move(promotions: Promotions, to: Standing, instead_of: Standing, by: str) -> Moved:
    if not await promotions.point_at(to.name, instead_of=instead_of.name):
        detail = f"{instead_of.name} is not in force any more, somebody else was faster: look again"
        raise Problem(409, "conflict", detail)
    _log.warning("%s put projection %s in force instead of %s", by, to.name, instead_of.name)
    return Moved(in_force=to.name, before=instead_of.name)
