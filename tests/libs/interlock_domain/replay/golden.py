"""Golden decisions: tables and questions whose plans an engine must keep giving, byte for byte.

Written once per engine by `python -m tests.libs.interlock_domain.replay.golden FILE` and then never
again: when a plan changes, the engine's version is raised and a second file is made beside the first.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.catalog.pool import Member
from interlock_domain.routing.decision import (
    ENGINE,
    RouteInputs,
    Traits,
    UnknownModel,
    encode_plan,
)
from interlock_domain.routing.route import route
from interlock_domain.rows import CatalogRow, CommitRow, PoolRow, ProviderRow, TargetRow
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import AdminState, Api, Provenance, Shape, StrategyName
from tests.libs.interlock_domain.routing.asking import inputs
from tests.libs.interlock_domain.snapshot.tables import (
    NOW,
    Row,
    a_catalog,
    a_commit,
    a_pool,
    a_provider,
    a_quarantine,
    a_rest,
    a_state,
    a_target,
    an_out,
    learned,
    table,
)

FILES = Path(__file__).parents[3] / "data" / "decisions"


class Asked(Struct):
    """One question and the plan it must give; "" for an unknown model."""

    inputs: RouteInputs
    plan: str


class Case(Struct):
    """A table as the feed has it, and the questions asked of it."""

    name: str
    rows: dict[str, str]
    commit: CommitRow
    asked: list[Asked]

    def snapshot(self) -> Snapshot:
        rows = {key: payload.encode() for key, payload in self.rows.items()}
        found = compile_snapshot(rows, self.commit)
        assert isinstance(found, Snapshot), found
        return found


def plan_of(snapshot: Snapshot, question: RouteInputs) -> str:
    """The plan as text."""
    found = route(snapshot, question)
    return "" if isinstance(found, UnknownModel) else encode_plan(found).decode()


def read(engine: str = ENGINE) -> list[Case]:
    """The kept cases of an engine."""
    return msgspec.json.decode((FILES / f"engine-{engine}.json").read_bytes(), type=list[Case])


def make() -> list[Case]:
    """The cases with the plans of the engine as it is."""
    return [case for scenario in (_orders, _structure, _rests, _groups, _rechecks) for case in scenario()]


def _case(name: str, catalog: CatalogRow, rows: dict[str, Row], *questions: RouteInputs) -> Case:
    built = table(catalog, rows)
    case = Case(name, {key: row.decode() for key, row in built.items()}, a_commit(built), [])
    snapshot = case.snapshot()
    case.asked = [Asked(question, plan_of(snapshot, question)) for question in questions]
    return case


MEMBERS = [Member(target=f"atlas/{i}", weight=w, priority=1 + i // 3) for i, w in enumerate((5, 3, 2, 1, 1))]
LISTED = ("atlas/a", "breeze/b", "cirrus/c")


def _orders() -> Iterator[Case]:
    for strategy in StrategyName:
        catalog = a_catalog(a_pool("chat", *MEMBERS, strategy=strategy))
        questions = [inputs(seed=seed, turn=turn) for seed, turn in ((1, 0), (2**62 + 3, 7), (9, 1_000_003))]
        yield _case(f"a still lane, {strategy.value}", catalog, {}, *questions)
    yield _case("exact names", a_catalog(), {}, inputs("atlas/org/x:7b"), inputs("unknown/x"), inputs("chat"))


def _structure() -> Iterator[Case]:
    declared = (
        a_target("atlas/a", capabilities=("vision",), context_window=1_000),
        a_target("breeze/b", software_version="1.9", template_ok=False),
    )
    providers = (a_provider("atlas"), a_provider("breeze"), a_provider("cirrus", apis=(Api.MESSAGES,)))
    pool = a_pool("chat", *LISTED, min_software_version="1.10")
    tools = Traits(shape=Shape.TOOLS, needs=("tools",), context_tokens=2_000)
    yield _case(
        "structure",
        a_catalog(pool, targets=declared, providers=providers),
        {},
        inputs(),
        inputs(traits=tools),
        inputs(traits=Traits(api=Api.MESSAGES)),
    )
    disabled = a_state(AdminState.DISABLED, until_ms=NOW + 100, position=5)
    drained = a_state(AdminState.DRAINED, position=6)
    rows: dict[str, Row] = {
        "target/atlas/a": TargetRow(state=disabled),
        "provider/breeze": ProviderRow(state=drained),
        "pool/chat": PoolRow(members={"cirrus/c": drained}, gateways=("g1",)),
    }
    yield _case("states", a_catalog(a_pool("chat", *LISTED)), rows, inputs(), inputs(as_of_ms=NOW + 100))


def _rests() -> Iterator[Case]:
    catalog = a_catalog(a_pool("chat", *LISTED, strategy=StrategyName.WEIGHTED_RANDOM))
    gateways = PoolRow(gateways=("g1", "g2", "g3"))
    moments = (NOW - 1, NOW, NOW + 4_000, NOW + 30_000, NOW + 400_000)
    for name, row in {
        "a rest of our own": learned(a_rest(NOW, evidence=(3, 4))),
        "a stated rest of all shapes": learned(a_rest(NOW, shape="*", provenance=Provenance.STATED)),
        "a ramp": learned(a_rest(NOW - 9_000, returned_ms=NOW - 8_000, evidence=(3,))),
        "an operator's rest": TargetRow(operator=(a_rest(NOW + 900_000, provenance=Provenance.OPERATOR),)),
    }.items():
        rows: dict[str, Row] = {"target/breeze/b": row, "pool/chat": gateways}
        asked = [inputs(as_of_ms=at, seed=at, gateway=g) for at in moments for g in ("g1", "g2")]
        yield _case(name, catalog, rows, *asked)


def _groups() -> Iterator[Case]:
    rows: dict[str, Row] = {
        "target/atlas/a": learned(a_rest(NOW + 9, opened_ms=20)),
        "target/breeze/b": learned(a_rest(NOW + 9, opened_ms=10)),
        "target/cirrus/c": learned(a_rest(NOW - 99, returned_ms=NOW)),
        "target/delta/d": learned(a_rest(NOW)),
    }
    policy = PoolPolicy(max_excluded=0.3)
    catalog = a_catalog(a_pool("chat", *LISTED, "delta/d", "echo/e", policy=policy))
    yield _case(
        "groups",
        catalog,
        rows,
        *[inputs(seed=seed) for seed in range(3)],
        inputs(local=("echo/e",)),
        inputs(probed=("delta/d",)),
        inputs(local=("atlas/a", "cirrus/c", "delta/d", "echo/e"), probed=("delta/d",)),
    )
    yield _case("the last member", a_catalog(a_pool("chat", "atlas/a")), rows, inputs(local=("atlas/a",)))


def _rechecks() -> Iterator[Case]:
    rows: dict[str, Row] = {
        "target/cirrus/c": TargetRow(out=an_out(NOW + 5, evidence=(7,))),
        "provider/atlas": ProviderRow(quarantines=(a_quarantine("aa", NOW + 5, evidence=(8,)),)),
    }
    questions = [
        inputs(as_of_ms=at, fingerprints=prints)
        for at in (NOW, NOW + 5)
        for prints in ({}, {"atlas": "aa"}, {"atlas": "bb"})
    ]
    yield _case("rechecks", a_catalog(a_pool("chat", *LISTED, "atlas/z")), rows, *questions)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(msgspec.json.format(msgspec.json.encode(make()), indent=1) + b"\n")
