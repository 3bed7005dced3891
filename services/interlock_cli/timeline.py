"""One order for what was decided, what happened and what the fold made of it.

Rule: the log's position orders everything; an observation stands right behind the record that caused it, so
that a cooldown is read under the failure that opened it. Evidence is named by position, and by request where
the record is in view. Times are this machine's, exact; what cannot be said in words stays in the JSON.
"""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from interlock_cli.screen import clock, span


class Entry(Struct, frozen=True, kw_only=True):
    """One line: where, when, what kind, what, and who or why. `order` sorts within a position."""

    position: int
    order: int
    at_ms: int
    about: str
    kind: str
    what: str
    why: str
    source: dict[str, Any]


def merged(events: Iterable[dict[str, Any]], transitions: Iterable[dict[str, Any]]) -> list[Entry]:
    """Both, oldest first, each once."""
    entries: dict[tuple[int, int], Entry] = {}
    requests: dict[int, str] = {}
    for event in events:
        request = event["data"].get("request")
        if request is not None:
            requests[event["position"]] = request
        entries[event["position"], -1] = of_event(event)
    for transition in transitions:
        entries[transition["position"], transition["n"]] = of_transition(transition, requests)
    return [entries[key] for key in sorted(entries)]


def of_event(found: dict[str, Any]) -> Entry:
    """A recorded event as a line."""
    told = _EVENTS.get(found["type"], _plain)
    target = found["data"].get("target")  # a name, or the whole of a definition
    return Entry(
        position=found["position"],
        order=-1,
        at_ms=found["recorded_ms"],
        about=target if isinstance(target, str) else found["stream"].partition("/")[2],
        kind=found["type"],
        what=told(found["data"]),
        why=_who(found),
        source=found,
    )


def of_transition(found: dict[str, Any], requests: dict[int, str]) -> Entry:
    """An observation of the fold as a line."""
    left = (found.get("until_ms") or 0) - found["at_ms"]
    parts = [_shape(found.get("shape") or ""), found.get("failure") or "", found.get("provenance") or ""]
    if left > 0:
        parts.append(f"for {span(left / 1000)}")
    if found.get("level"):
        parts.append(f"level {found['level']}")
    return Entry(
        position=found["position"],
        order=found["n"],
        at_ms=found["at_ms"],
        about=found["subject"].partition("/")[2],
        kind=f"-> {found['kind']}",
        what=" ".join(filter(None, parts)),
        why=_grounds(found, requests),
        source=found,
    )


HEADS: Final = ("POSITION", "TIME", "ABOUT", "WHAT", "DETAIL", "WHO AND WHY")


def columns(entry: Entry) -> tuple[str, ...]:
    """The cells of a table row, in the order of HEADS."""
    return (str(entry.position), clock(entry.at_ms), entry.about, entry.kind, entry.what, entry.why)


def _grounds(found: dict[str, Any], requests: dict[int, str]) -> str:
    """`because expired`, `evidence 40, 42 (7f3a9c, 81b2c0)`."""
    parts = [f"because {found['why']}"] if found.get("why") else []
    evidence: list[int] = list(found.get("evidence") or ())
    if evidence:
        named = [requests[position][:6] for position in evidence if position in requests]
        ids = f" (requests {', '.join(dict.fromkeys(named))})" if named else ""
        parts.append(f"evidence {', '.join(map(str, evidence))}{ids}")
    return "  ".join(parts)


def _who(found: dict[str, Any]) -> str:
    """`by alice ("billing")`, `gateway host/0`."""
    parts: list[str] = []
    if found.get("actor"):
        parts.append(f"by {found['actor']}")
    if found.get("reason"):
        parts.append(f'("{found["reason"]}")')
    source = found.get("source")
    if source is not None:
        parts.append(f"gateway {source['gateway']}/{source.get('worker', 0)}")
    return " ".join(parts)


def _failed(data: dict[str, Any]) -> str:
    status = f" {data['status']}" if data.get("status") else ""
    stated = f", wait {span(data['retry_after_ms'] / 1000)} stated" if data.get("retry_after_ms") else ""
    again = ", retry" if data.get("try", 1) > 1 else ""
    probe = ", probe" if data.get("probe") else ""
    what = f"{data['class']}{status} in {data['phase']}{stated}{again}{probe}"
    return f"{data['shape']}: {what}  request {data['request'][:6]} of pool {data['pool']}"


def _succeeded(data: dict[str, Any]) -> str:
    probe = ", probe" if data.get("probe") else ""
    took = span(data.get("duration_ms", 0) / 1000)
    return f"{data['shape']}: in {took}{probe}  request {data['request'][:6]} of pool {data['pool']}"


def _state(data: dict[str, Any]) -> str:
    until = f" for {span(data['expires_in_ms'] / 1000)}" if data.get("expires_in_ms") else ""
    member = f"{data['target']} in pool {data['pool']} " if "pool" in data and "target" in data else ""
    return f"{member}{data['state']}{until}"


def _cooled(data: dict[str, Any]) -> str:
    length = f" for {span(data['duration_ms'] / 1000)}" if "duration_ms" in data else ""
    return f"{_shape(data['shape'])}{length}"


def _shape(shape: str) -> str:
    return "all shapes" if shape == "*" else shape


def _provider(data: dict[str, Any]) -> str:
    return str(data["provider"].get("base_url", ""))


def _pool(data: dict[str, Any]) -> str:
    members = ", ".join(member["target"] for member in data["pool"]["members"])
    return f"{data['pool'].get('strategy', 'priority_failover')}: {members}"


def _plain(data: dict[str, Any]) -> str:
    """Short values of an event that has no words of its own."""
    return ", ".join(f"{key} {value}" for key, value in data.items() if isinstance(value, str | int | float))


_EVENTS: Final = {
    "AttemptFailed": _failed,
    "AttemptSucceeded": _succeeded,
    "TargetStateSet": _state,
    "ProviderStateSet": _state,
    "PoolStateSet": _state,
    "MemberStateSet": _state,
    "CooldownSet": _cooled,
    "CooldownLifted": _cooled,
    "PoolDefined": _pool,
    "ProviderDefined": _provider,
}
