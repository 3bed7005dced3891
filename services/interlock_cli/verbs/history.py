"""`interlock history`: everything that happened to a target or a pool, who did it and why.

Rule: three sources in one order (timeline.py): decisions about it, outcomes of its attempts, and what the
fold observed. A target's history holds what befell its provider and its place in pools, a pool's what its
members went through, because that is what people mean by the question.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import typer

from interlock_cli.connect import Control, reading
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.refusal import Refusal
from interlock_cli.screen import print_json, print_table
from interlock_cli.timeline import HEADS, Entry, columns, merged

AROUND_MS: Final = 120_000
"""Each side of `--around`: a cooldown's causes and its end are within two minutes of each other."""
PAGE: Final = 1_000


def command(
    id: Annotated[str, typer.Argument(metavar="TARGET|POOL", help="A target (provider/model) or a pool.")],
    around: Annotated[
        str | None,
        typer.Option(
            "--around", metavar="T", help="Two minutes each side of: 14:02, a position, -15m or RFC 3339."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=PAGE, help="How many lines, newest last.")
    ] = 40,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Every decision, outcome and transition of a target or pool: who, why, when, and the evidence.

    Examples:
      interlock history atlas/large
      interlock history chat --around 14:02
    """
    with reading(data_dir, url) as control:
        entries = history(control, id, around, limit)
    if output is Output.JSON:
        print_json([entry.source for entry in entries])
        return
    print_table(HEADS, map(columns, entries), empty=f"nothing is recorded about {id} in that time")


def history(control: Control, id: str, around: str | None, limit: int) -> list[Entry]:
    """The entries, newest last."""
    subjects, elsewhere = _subjects(control, id)
    window = None if around is None else _window(control, around)
    events: list[dict[str, Any]] = []
    transitions: list[dict[str, Any]] = []
    for subject in subjects:
        events += _events(control, subject, window, limit)
        transitions += _transitions(control, subject, window, limit)
    for pool in elsewhere:
        events += [event for event in _events(control, f"pool/{pool}", window, limit) if _names(event, id)]
    entries = merged(events, transitions)
    return entries if window is not None else entries[-limit:]


def _subjects(control: Control, id: str) -> tuple[list[str], list[str]]:
    """What the history is about, and the pools of which only what names the target belongs to it."""
    pools: list[dict[str, Any]] = control.get("/pools")
    pool = next((one for one in pools if one["name"] == id), None)
    if pool is not None:
        return [f"pool/{id}", *(f"target/{member['target']}" for member in pool["members"])], []
    if "/" not in id:
        raise Refusal(
            f"there is no pool `{id}`, and a target is written provider/model: see `interlock get pools`"
        )
    inside = [one["name"] for one in pools if any(member["target"] == id for member in one["members"])]
    return [f"target/{id}", f"provider/{id.partition('/')[0]}"], inside


def _names(event: dict[str, Any], target: str) -> bool:
    return bool(event["data"].get("target") == target)


def _events(
    control: Control, subject: str, window: tuple[int, int] | None, limit: int
) -> list[dict[str, Any]]:
    query: dict[str, Any] = {"subject": subject, "limit": limit, "newest": True}
    if window is not None:
        query |= {"from": window[0], "to": window[1], "limit": PAGE}
    found: list[dict[str, Any]] = control.get("/events", **query)["events"]
    return found


def _transitions(
    control: Control, subject: str, window: tuple[int, int] | None, limit: int
) -> list[dict[str, Any]]:
    if window is None:
        newest: list[dict[str, Any]] = control.get("/transitions", subject=subject, limit=limit, newest=True)[
            "transitions"
        ]
        return newest
    page = control.get("/transitions", subject=subject, after=max(0, window[0] - 1), limit=PAGE)
    return [one for one in page["transitions"] if one["position"] <= window[1]]


def _window(control: Control, around: str) -> tuple[int, int]:
    """The positions of two minutes each side of a moment."""
    middle = _moment(control, around)
    begin, end = (_iso(middle, sign * AROUND_MS) for sign in (-1, 1))
    bounds = {"from": begin, "to": end}
    first = control.get("/events", **bounds, limit=1)["events"]
    last = control.get("/events", **bounds, limit=1, newest=True)["events"]
    if not first:
        raise Refusal(
            f"nothing was recorded within two minutes of {around}: see `interlock history` without --around"
        )
    return first[0]["position"], last[0]["position"]


def _moment(control: Control, text: str) -> datetime:
    """The moment of `14:02`, `14:02:11` (today, here), RFC 3339, `-15m` or a position."""
    now = datetime.now().astimezone()
    for form in ("%H:%M:%S", "%H:%M"):
        try:
            time = datetime.strptime(text, form).time()  # noqa: DTZ007  a time of day on this machine
        except ValueError:
            continue
        moment = now.replace(hour=time.hour, minute=time.minute, second=time.second, microsecond=0)
        return moment if moment <= now + timedelta(minutes=2) else moment - timedelta(days=1)
    found = control.get("/events", to=text, limit=1, newest=True)["events"]
    if not found:
        raise Refusal(f"nothing is recorded at or before {text}")
    return datetime.fromtimestamp(found[0]["recorded_ms"] / 1000).astimezone()


def _iso(moment: datetime, shift_ms: int) -> str:
    return (moment + timedelta(milliseconds=shift_ms)).isoformat()
