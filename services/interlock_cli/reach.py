"""What `interlock doctor` looks at over the network: upstreams, the control plane, the gateways' feed.

Rule: an upstream is only connected to and never asked for anything, because an answer may cost money; how it
answers is what the log knows already. Dropped: a model listing as a test, which needs the credential.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from interlock_cli.checkup import Finding, Level
from interlock_cli.connect import Control
from interlock_cli.refusal import Refusal
from interlock_cli.screen import span

CONNECT_S: Final = 3.0
STALE_MS: Final = 3_000
"""A commit comes at least each second; older than three is what the safety rules call stale."""


def look_at_upstreams(providers: Sequence[tuple[str, str]]) -> list[Finding]:
    """Whether each (name, base URL) accepts a connection."""
    return asyncio.run(_all(providers))


async def _all(providers: Sequence[tuple[str, str]]) -> list[Finding]:
    return list(await asyncio.gather(*(_connect(name, url) for name, url in providers)))


async def _connect(name: str, base_url: str) -> Finding:
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    place = f"{name} at {parts.hostname}:{port}"
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
    except TimeoutError:
        return Finding(
            Level.WARN, "upstream", f"{place} did not accept within {span(CONNECT_S)}", "check the way there"
        )
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "no such host"
        do = "check its base_url, or start it; behind a proxy this look says nothing"
        return Finding(Level.WARN, "upstream", f"{place}: {reason}", do)
    return Finding(Level.OK, "upstream", f"{place} accepts connections")


def look_at_control(control: Control) -> Iterator[Finding]:
    """The running control plane, its projection, and how old the gateways' snapshots are."""
    try:
        projections: list[dict[str, Any]] = control.get("/projections")
        gateways: list[dict[str, Any]] = control.get("/gateways")
    except Refusal as refusal:
        yield Finding(Level.FAIL, "control", str(refusal), "start it, or correct --url")
        return
    yield Finding(Level.OK, "control", f"{control.where} answers")
    for one in projections:
        yield _projection(one)
    live = [one for one in gateways if one["live"]]
    if not live:
        yield Finding(Level.WARN, "gateway", "no gateway reports", "start one with `interlock quickstart`")
    for one in live:
        yield _feed(one)


def _projection(one: dict[str, Any]) -> Finding:
    if one["halted"]:
        return Finding(Level.FAIL, "projection", f"{one['name']} stands still", one["halted"])
    return Finding(
        Level.OK, "projection", f"{one['name']} at {one['position']}, {one.get('behind', 0)} behind"
    )


def _feed(one: dict[str, Any]) -> Finding:
    name, age = f"{one['gateway']}/{one['worker']}", one["feed_age_ms"]
    if age > STALE_MS:
        return Finding(
            Level.WARN, "feed", f"{name} last saw the feed {span(age / 1000)} ago", "is the projector well?"
        )
    lost = one["lost"] + one["outcomes_dropped"] + one["records_dropped"]
    told = f"{name} follows at {one['snapshot']}, {span(age / 1000)} old"
    if lost:
        return Finding(Level.WARN, "feed", f"{told}; {lost} facts or records were lost", "look at its log")
    return Finding(Level.OK, "feed", told)
