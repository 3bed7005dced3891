"""Projections over HTTP: how they stand, and the pointer's moves with every refusal."""

from typing import Any

import pytest

from interlock_control.problem import Problem
from interlock_control.promoting import NEAR, promote, roll_back, shown
from interlock_runtime.postgres import open_postgres
from interlock_testing.contracts.samples import effect
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.promotion import Comparison, Standing
from interlock_views.views import ViewCommit
from tests.services.interlock_control.cell import control, settings_of

OLD, NEW = "routing-1", "routing-2"
EQUAL = Comparison(against=OLD, position=5, rows=4, differing=0)
DIFFERENT = Comparison(against=OLD, position=5, rows=4, differing=1, examples=("target/a",))


class Log:
    """Ends somewhere."""

    def __init__(self, end: int) -> None:
        self._end = end

    async def head(self) -> int:
        return self._end


class Pointer:
    """Promotions of two projections; `moves` are those that were asked for."""

    def __init__(self, *standings: Standing, moves: bool = True) -> None:
        self._standings = list(standings)
        self._moves = moves
        self.asked: list[tuple[str, str]] = []

    async def in_force(self) -> str:
        return next(one.name for one in self._standings if one.in_force)

    async def standings(self) -> list[Standing]:
        return self._standings

    async def note(self, projection: str, epoch: int, comparison: Comparison) -> bool:
        raise NotImplementedError

    async def point_at(self, projection: str, *, instead_of: str) -> bool:
        self.asked.append((projection, instead_of))
        return self._moves


def standing(name: str, **more: Any) -> Standing:
    return Standing(name=name, epoch=1, **({"position": 5, "in_force": name == OLD} | more))


class Plane:
    """What promoting.py asks of a control plane."""

    def __init__(self, promotions: Pointer, *, head: int = 5) -> None:
        self.promotions = promotions
        self.log = Log(head)


def plane(*standings: Standing, head: int = 5, moves: bool = True) -> Any:
    return Plane(Pointer(*standings, moves=moves), head=head)


REFUSALS: dict[str, tuple[Any, str]] = {
    "unknown": (plane(standing(OLD)), "not_found"),
    "in force already": (plane(standing(NEW, in_force=True)), "in_force"),
    "far behind": (plane(standing(OLD), standing(NEW, compared=EQUAL), head=NEAR + 6), "behind"),
    "never compared": (plane(standing(OLD), standing(NEW)), "not_compared"),
    "compared with another": (
        plane(standing("routing-3", in_force=True), standing(NEW, compared=EQUAL)),
        "not_compared",
    ),
    "different": (plane(standing(OLD), standing(NEW, compared=DIFFERENT)), "differs"),
    "moved meanwhile": (plane(standing(OLD), standing(NEW, compared=EQUAL), moves=False), "conflict"),
    "nothing in force": (plane(standing(NEW)), "not_compared"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_promotion_that_may_not_be_is_refused_by_name(case):
    where, kind = REFUSALS[case]
    with pytest.raises(Problem) as told:
        await promote(where, NEW, by="alice", anyway=False)
    assert told.value.kind == kind
    if kind != "conflict":
        assert where.promotions.asked == []


async def test_an_equal_rebuild_is_promoted_and_a_different_one_when_that_is_meant():
    for compared, anyway in ((EQUAL, False), (DIFFERENT, True)):
        where = plane(standing(OLD), standing(NEW, compared=compared), head=NEAR + 5)
        moved = await promote(where, NEW, by="alice", anyway=anyway)
        assert (moved.in_force, moved.before) == (NEW, OLD)
        assert where.promotions.asked == [(NEW, OLD)]


async def test_a_rollback_goes_to_the_one_before_and_only_from_the_one_in_force():
    where = plane(standing(NEW, in_force=True), standing(OLD, in_force=False, before=True))
    assert (await roll_back(where, NEW, by="alice")).in_force == OLD
    assert where.promotions.asked == [(OLD, NEW)]
    refusals = ((where, OLD, "not_in_force"), (plane(standing(OLD)), OLD, "no_way_back"))
    for refusing, name, kind in refusals:
        with pytest.raises(Problem) as told:
            await roll_back(refusing, name, by="alice")
        assert told.value.kind == kind


async def test_one_process_on_a_file_has_one_projection(one):
    (found,) = await one.get("/projections")
    assert (found["name"], found["version"], found["in_force"]) == (OLD, "1", True)
    assert (found["dead_letters"], found["compared"], found["epoch"]) == (0, None, 1)
    for verb in ("promote", "rollback"):
        answer = await one.send("POST", f"/projections/{OLD}/{verb}")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:interlock:problem:one_projection")


async def test_the_pointer_is_moved_and_moved_back_over_http(kafka, topics, database_url):
    engine = open_postgres(database_url)
    views = PostgresViews(engine)
    try:
        async with control(settings_of(kafka.bootstrap, topics, database_url)) as asked:
            (alone,) = await asked.get("/projections")
            assert (alone["name"], alone["position"], alone["behind"]) == (OLD, 0, 0)
            for name in (OLD, NEW):
                step = ViewCommit(
                    projection=name,
                    epoch=await views.claim(name),
                    expected_position=0,
                    position=5,
                    rows={},
                    effects=(effect(3),),
                )
                assert await views.commit(step)
            assert asked.opened.plane.promotions is not None
            await asked.opened.plane.promotions.note(NEW, 1, DIFFERENT)
            assert [one["name"] for one in await asked.get("/projections")] == [OLD, NEW]
            refused = await asked.http.post(f"/admin/v1/projections/{NEW}/promote")
            assert (refused.status_code, refused.json()["compared"]["examples"]) == (409, ["target/a"])
            moved = await asked.wrote("POST", f"/projections/{NEW}/promote", {"accept_differences": True})
            assert moved == {"in_force": NEW, "before": OLD}
            found = await asked.get("/projections")
            assert [(one["name"], one["in_force"], one["before"]) for one in found] == [
                (NEW, True, False),
                (OLD, False, True),
            ]
            assert await asked.wrote("POST", f"/projections/{NEW}/rollback") == {
                "in_force": OLD,
                "before": NEW,
            }
            assert len(await shown(asked.opened.plane)) == 2
    finally:
        await engine.dispose()
