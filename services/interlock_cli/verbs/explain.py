"""`interlock explain`: the account of one request, the answer first, then the evidence.

Rule: every sentence comes from the control plane; this module only lays it out. Bars share one scale, so
that the eye compares attempts; words beside them say the same without any picture.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from interlock_cli.connect import Control, path_of, reading
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.refusal import Refusal
from interlock_cli.screen import clock, console, print_json, span

LAST: Final = "last"
BAR: Final = 20
"""Characters for the whole request: fits beside names and words in 80 columns."""
LOOK_BACK: Final = 200
"""Requests looked through for the newest failover: a minute of the demo."""


def command(
    request_id: Annotated[
        str, typer.Argument(metavar="[REQUEST_ID]", help="A request id, its first 6 characters, or `last`.")
    ] = LAST,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Why a request went where it went: candidates, attempts, and the proof from the log.

    Without an id, or with `last`, it is the newest request that failed over.

    Examples:
      interlock explain 7f3a9c
      interlock explain last -o json
    """
    with reading(data_dir, url) as control:
        wanted = newest_failover(control) if request_id == LAST else request_id
        found: dict[str, Any] = control.get(path_of("requests", wanted))
    if output is Output.JSON:
        print_json(found)
        return
    out = console()
    for line in account(found):
        out.print(line, markup=False)


def newest_failover(control: Control) -> str:
    """The id of the newest request that more than one target was called for; else the newest at all."""
    found: list[dict[str, Any]] = control.get("/requests", limit=LOOK_BACK)["requests"]
    moved = (one for one in found if one.get("failovers"))
    newest = next(moved, found[0] if found else None)
    if newest is None:
        raise Refusal("no request is recorded yet: send one through the gateway, then ask again")
    request_id: str = newest["request_id"]
    return request_id


def account(found: dict[str, Any]) -> Iterator[str]:
    """The lines, one fact each."""
    yield _headline(found)
    yield from _candidates(found)
    yield from _happened(found)
    yield ""
    yield _proof(found)


def _headline(found: dict[str, Any]) -> str:
    way = "streamed" if found["stream"] else "whole"
    answer, result = found["answer"], found["result"]
    word = result.replace("_", " ").upper()
    head = f"{word}{answer.removeprefix(result)}" if answer.startswith(result) else f"{word}: {answer}"
    return f"{found['request_id'][:6]}  {found['pool']}  {way}  {clock(found['started_ms'])}   {head}"


def _candidates(found: dict[str, Any]) -> Iterator[str]:
    decision = found["decision"]
    candidates: list[dict[str, Any]] = decision["candidates"]
    if not candidates:
        return
    yield ""
    inputs = f"snapshot {found['snapshot']}, {decision['strategy']}, seed {decision['seed']}"
    yield f"why these candidates ({inputs})"
    width = max(len(one["target"]) for one in candidates)
    for one in candidates:
        rank = str(one["rank"]) if one["rank"] is not None else "-"
        state = one["state"].replace("_", " ") if one["rank"] is not None else "passed over"
        yield f"  {rank} {one['target']:{width}}  {state:12} {_why(one)}".rstrip()


def _why(one: dict[str, Any]) -> str:
    """`rate_limit, stated by upstream, 21 s more  (event 48102)`, or the place in the pool."""
    parts: list[str] = []
    if one["reasons"]:
        parts.append(f"{', '.join(one['reasons'])}: {one['text']}")
    elif one["priority"] is not None:
        parts.append(
            f"priority {one['priority']}" + (f", weight {one['weight']}" if one["weight"] != 1 else "")
        )
    if one["by"]:
        parts.append(f"by {one['by']}" + (f' ("{one["remark"]}")' if one["remark"] else ""))
    if one["position"] is not None:
        parts.append(f"(event {one['position']})")
    return "  ".join(parts)


def _happened(found: dict[str, Any]) -> Iterator[str]:
    attempts: list[dict[str, Any]] = found["attempts"]
    yield ""
    yield "what happened"
    if not attempts:
        yield f"  no attempt was made{': ' + found['reason'] if found['reason'] else ''}"
    scale = max([found["duration_ms"], 1, *(one["ended_ms"] for one in attempts)])
    width = max((len(one["target"]) for one in attempts), default=0)
    for one in attempts:
        times = f"{one['started_ms']} - {one['ended_ms']} ms"
        yield f"  {one['target']:{width}}  {_bar(one, scale):{BAR + 1}}  {times:>16}   {_text(found, one)}"
    for skip in found["skips"]:
        yield f"  {skip['target']:{width}}  not called: {skip['reason']}"


def _bar(one: dict[str, Any], scale: int) -> str:
    """Blanks, then the attempt; `>` ends a success, `x` anything else."""
    started: int = one["started_ms"]
    begin = min(BAR - 1, started * BAR // scale)
    ended: int = one["ended_ms"]
    length = max(1, ended * BAR // scale - begin)
    return " " * begin + "#" * length + (">" if one["outcome"] == "succeeded" else "x")


def _text(found: dict[str, Any], one: dict[str, Any]) -> str:
    parts = [one["text"]]
    if one["ttft_ms"] is not None:
        parts.append(f"first content after {span(one['ttft_ms'] / 1000)}")
    tokens = (found["usage"] or {}).get("completion_tokens")
    if one["outcome"] == "succeeded" and tokens is not None:
        parts.append(f"{tokens} tokens")
    if one["redirect"] and one["redirect"] != one["target"].partition("/")[2]:
        parts.append(f"sent as {one['redirect']}")
    return ", ".join(parts)


_VERDICTS: Final = {
    "equal": "recomputed from the log: equal",
    "differs": "recomputed from the log: DIFFERS, see -o json",
    "engine_changed": "not recomputed: it was decided by another version of the rules",
    "inputs_expired": "not recomputed: the log no longer reaches back to its snapshot",
}


def _proof(found: dict[str, Any]) -> str:
    proof = found["proof"]
    verdict = _VERDICTS.get(proof["verdict"], proof["verdict"])
    target = found["attempts"][0]["target"] if found["attempts"] else found["pool"]
    around = clock(found["started_ms"])[:8]
    return (
        f"proof  {verdict} (engine {proof['engine']})      next: interlock history {target} --around {around}"
    )
