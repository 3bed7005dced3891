"""`interlock get`: what there is, and how it is, now or at a moment in the past."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from msgspec import Struct

from interlock_cli.connect import reading
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.screen import left, print_json, print_table, span


class Kind(StrEnum):
    """What can be listed."""

    TARGETS = "targets"
    POOLS = "pools"
    PROVIDERS = "providers"
    GATEWAYS = "gateways"
    PROJECTIONS = "projections"


def command(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    at: Annotated[str | None, typer.Option("--at", help="A position, -15m or an RFC 3339 time.")] = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """List targets, pools, providers, gateways or projections with their state.

    Examples:
      interlock get targets
      interlock get pools -o json
      interlock get targets --at -15m
    """
    with reading(data_dir, url) as control:
        found: list[dict[str, Any]] = control.get(f"/{kind.value}", at=at)
    if output is Output.JSON:
        print_json(found)
        return
    listing = LISTINGS[kind]
    print_table(listing.heads, (row for one in found for row in listing.rows(one)), empty=listing.empty)


Rows = list[Sequence[str]]


class Listing(Struct, frozen=True):
    """How one kind is printed: `rows` makes the lines of one entry."""

    heads: tuple[str, ...]
    rows: Callable[[dict[str, Any]], Rows]
    empty: str


def _target(one: dict[str, Any]) -> Rows:
    rows: Rows = []
    for shape, seen in one["shapes"].items():
        why = [", ".join(seen["reasons"]), left(seen["remaining_s"])]
        pools = ", ".join(pool["pool"] + _differs(pool, seen) for pool in one["in_pools"])
        name = "" if rows else one["id"]
        rows.append(
            (name, shape, seen["state"], "  ".join(filter(None, why)), str(seen["strikes"] or ""), pools)
        )
    return rows


def _differs(pool: dict[str, Any], seen: dict[str, Any]) -> str:
    """A pool's own view of the target, where it is another one."""
    if pool["state"] == seen["state"]:
        return ""
    return f" ({pool['state']}{': ' + pool['reason'] if pool['reason'] else ''})"


def _pool(one: dict[str, Any]) -> Rows:
    rows: Rows = []
    for number, member in enumerate(one["members"]):
        own = member["set_by"]
        why = [", ".join(member["reasons"]), set_by(own) if own else left(member["remaining_s"])]
        head = (one["name"], one["strategy"], one["state"]) if number == 0 else ("", "", "")
        place = f"{member['priority']} / {member['weight']}"
        rows.append((*head, member["target"], place, member["state"], "  ".join(filter(None, why))))
    return rows or [(one["name"], one["strategy"], one["state"], "", "", "", "no members")]


def _provider(one: dict[str, Any]) -> Rows:
    refused = [f"credential {q['fingerprint']} refused ({q['failure']})" for q in one["quarantines"]]
    why = "  ".join(filter(None, [set_by(one["set_by"]), *refused]))
    return [(one["name"], one["base_url"], one["state"], str(len(one["targets"])), why)]


def _gateway(one: dict[str, Any]) -> Rows:
    name = f"{one['gateway']}/{one['worker']}"
    dropped = one["outcomes_dropped"] + one["records_dropped"] + one["lost"]
    state = "live" if one["live"] else "lost"
    seen, age = f"{span(one['reported_s_ago'])} ago", span(one["feed_age_ms"] / 1000)
    return [
        (name, state, seen, one["snapshot"], age, str(one["in_flight"]), str(dropped or ""), one["software"])
    ]


def _projection(one: dict[str, Any]) -> Rows:
    place = "in force" if one["in_force"] else "before" if one["before"] else "beside"
    numbers = (str(one[key]) for key in ("version", "position", "behind"))
    return [(one["name"], *numbers, place, str(one["dead_letters"] or ""), _equal(one), _runs(one))]


def _equal(one: dict[str, Any]) -> str:
    """What the last comparison with the one in force found."""
    found = one["compared"]
    if found is None:
        return ""
    if not found["differing"]:
        return f"{found['rows']} rows equal at {found['position']}"
    return f"{found['differing']} of {found['rows']} rows differ at {found['position']}"


def _runs(one: dict[str, Any]) -> str:
    if one.get("halted"):
        return str(one["halted"])
    return f"owned by {one['owner']}" if one["owner"] else "runs" if one["in_force"] else "nobody owns it"


def set_by(found: dict[str, Any] | None) -> str:
    """`by alice ("billing")  10 min more`."""
    if found is None:
        return ""
    reason = f' ("{found["reason"]}")' if found["reason"] else ""
    return "  ".join(filter(None, [f"by {found['actor'] or 'somebody'}{reason}", left(found["remaining_s"])]))


_DECLARE: Final = "nothing is declared yet: write an interlock.yaml and run `interlock quickstart`"
LISTINGS: Final = {
    Kind.TARGETS: Listing(("TARGET", "SHAPE", "STATE", "WHY", "STRIKES", "IN POOLS"), _target, _DECLARE),
    Kind.POOLS: Listing(
        ("POOL", "STRATEGY", "STATE", "MEMBER", "PRIO / WEIGHT", "IS", "WHY"), _pool, _DECLARE
    ),
    Kind.PROVIDERS: Listing(("PROVIDER", "BASE URL", "STATE", "TARGETS", "WHY"), _provider, _DECLARE),
    Kind.GATEWAYS: Listing(
        ("GATEWAY", "IS", "REPORTED", "SNAPSHOT", "FEED AGE", "IN FLIGHT", "LOST", "SOFTWARE"),
        _gateway,
        "no gateway has reported yet: start one with `interlock quickstart`",
    ),
    Kind.PROJECTIONS: Listing(
        ("PROJECTION", "VERSION", "POSITION", "BEHIND", "IS", "DEAD LETTERS", "COMPARED", "RUNS"),
        _projection,
        "no projection",
    ),
}
