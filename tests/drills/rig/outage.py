"""A provider killed and restarted twice under load of the SDK: the run, and what must be true of it.

Rule: one run, whatever the providers are; simulated and real ones are judged by the same checks. What reached
a provider is told twice, by the request records and by the provider's own log, and both are shown.
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from interlock_testing.waiting import ServerProcess, until
from tests.drills.rig.quickstart import Quickstart, document, every_request
from tests.drills.rig.report import Findings
from tests.drills.rig.sdk import Call, Ending, Load, SdkLoad

KILLS: Final = ((0.2, 0.36), (0.6, 0.76))
"""Killed and started again at these shares of the time."""
IN_STREAM_S: Final = 30.0
"""How long a kill waits for a stream of that provider to be in its middle."""
IN_OBSERVED_S: Final = 30.0
"""How long a cooldown or a recovery may take to show: the longest cooldown here is 4 s."""
COOLED: Final = "CooldownOpened"
RECOVERED: Final = "RampStarted"


class Killable(Protocol):
    """A provider as this run needs it: its process, and how many requests its own log shows."""

    name: str
    process: ServerProcess

    def seen(self) -> int:
        """Chat requests that it has read, over all of its lives."""
        ...


class Outage(Struct, frozen=True, kw_only=True):
    """The run: `providers[0]` is killed; its target is `<name>/<model>`."""

    served: Quickstart
    load: Load
    model: str
    kills: Sequence[tuple[float, float]] = KILLS
    start_s: float = 60.0


async def run(outage: Outage, providers: Sequence[Killable], findings: Findings) -> SdkLoad:
    """Drive, kill, judge."""
    killed = providers[0]
    target = f"{killed.name}/{outage.model}"
    load = SdkLoad(outage.served.url, outage.load)
    driving = asyncio.create_task(load.run())
    try:
        load.hold()
        for down, up in outage.kills:
            await _at(load, down * outage.load.seconds)
            async with _observing(outage, target, COOLED):
                await until(
                    lambda: load.streaming_from(target), timeout_s=IN_STREAM_S, what=f"a stream of {target}"
                )
                killed.process.kill()
                await _at(load, up * outage.load.seconds)
            async with _observing(outage, target, RECOVERED):
                await killed.process.start(timeout_s=outage.start_s)
        load.release()
        await driving
    finally:
        driving.cancel()
    findings.figures["openai SDK"] = load.version
    findings.counts["kills"] = len(outage.kills)
    _judge_calls(load, findings)
    await _judge_attempts(outage, providers, load, findings)
    return load


@contextlib.asynccontextmanager
async def _observing(outage: Outage, target: str, kind: str) -> AsyncIterator[None]:
    """Wait until what is done here brings one more such transition: only load does, in the machine's time."""
    async with outage.served.admin() as admin:
        before = len(await _transitions(admin, target, kind))
        yield

        async def seen() -> bool:
            return len(await _transitions(admin, target, kind)) > before

        await until(seen, timeout_s=IN_OBSERVED_S, what=f"one more {kind} of {target}")


async def _transitions(admin: Any, target: str, kind: str) -> list[dict[str, Any]]:
    listed = await document(admin, "/transitions", subject=f"target/{target}", limit=500)
    return [one for one in listed["transitions"] if one["kind"] == kind]


async def _at(load: SdkLoad, moment_s: float) -> None:
    await until(
        lambda: load.elapsed_s() >= moment_s,
        timeout_s=moment_s + 60,
        what=f"second {moment_s:.1f} of the load",
    )


def _judge_calls(load: SdkLoad, findings: Findings) -> None:
    streams, whole = _of(stream=True), _of(stream=False)
    findings.counts |= {
        "whole requests": sum(map(whole, load.calls)),
        "streams": sum(map(streams, load.calls)),
        "whole requests answered": load.count(Ending.ANSWERED, whole),
        "streams answered": load.count(Ending.ANSWERED, streams),
        "streams cut after content, raised by the SDK": load.count(Ending.RAISED_AFTER_CONTENT, streams),
    }
    failed = [c.error for c in load.calls if not c.stream and c.ending is not Ending.ANSWERED]
    findings.check("no client error on whole requests", held=not failed, seen=failed[:5])
    before = [c.error for c in load.calls if c.stream and c.ending is Ending.RAISED_BEFORE_CONTENT]
    findings.check("no client error on streams without content yet", held=not before, seen=before[:5])
    short = [c.error for c in load.calls if c.ending in {Ending.LOOKS_LIKE_SUCCESS, Ending.RUNNING}]
    findings.check("no cut stream looks like success", held=not short, seen=short[:5])
    cut = [c for c in load.calls if c.ending is Ending.RAISED_AFTER_CONTENT]
    findings.check("streams were cut after content", held=len(cut) >= 1, seen=len(cut))
    findings.figures["what the SDK raised"] = dict(Counter(c.error.partition(":")[0] for c in cut))


async def _judge_attempts(
    outage: Outage, providers: Sequence[Killable], load: SdkLoad, findings: Findings
) -> None:
    """Attempts by provider, told by the records and by the providers themselves."""
    async with outage.served.admin() as admin:
        await until(lambda: _recorded(admin, len(load.calls)), timeout_s=60, what="a record of every request")
        listed = await every_request(admin)
        several = [one["request_id"] for one in listed if one["attempts"] > 1]
        told = [await document(admin, f"/requests/{request_id}") for request_id in several]
    attempts = Counter(one["target"].partition("/")[0] for one in listed if one["attempts"] == 1)
    endings = Counter[str]()
    for one in told:
        for attempt in one["attempts"]:
            name = attempt["target"].partition("/")[0]
            attempts[name] += 1
            endings[f"{name}: {attempt['text']}"] += 1
    seen = {provider.name: provider.seen() for provider in providers}
    findings.figures["attempts by the records"] = dict(attempts)
    findings.figures["attempts that reached a provider, by its own log"] = seen
    findings.figures["attempts of requests that failed over"] = dict(endings)
    findings.counts["requests that failed over"] = sum(one["failovers"] > 0 for one in listed)
    findings.check("requests failed over", held=any(one["failovers"] for one in listed))
    findings.check("one record for each request", held=len(listed) == len(load.calls), seen=len(listed))
    for provider in providers:
        # A dead process sees nothing of what is sent to it, and may have seen what it did not live to answer.
        low = sum(
            c.target.partition("/")[0] == provider.name and c.ending is Ending.ANSWERED for c in load.calls
        )
        name = "the provider's own log agrees with the records"
        held = low <= seen[provider.name] <= attempts[provider.name]
        findings.check(
            name, held=held, seen=(provider.name, low, seen[provider.name], attempts[provider.name])
        )


async def judge_explanations(outage: Outage, target: str, findings: Findings) -> None:
    """What people are told: `explain` of a request that failed over, `history` of the killed target."""
    async with outage.served.admin() as admin:
        listed = await every_request(admin)
        over = [one["request_id"] for one in listed if one["failovers"]]
        told = [await document(admin, f"/requests/{request_id}") for request_id in over]
        transitions = (await document(admin, "/transitions", subject=f"target/{target}", limit=500))[
            "transitions"
        ]
    # One with reason codes says more: a probe that failed, then the next target.
    told.sort(key=lambda one: -sum(len(candidate["reasons"]) for candidate in one["decision"]["candidates"]))
    _judge_explain(outage.served.tell("explain", told[0]["request_id"]), told[0], findings)
    opened = [one for one in transitions if one["kind"] == "CooldownOpened"]
    findings.check("the killed target was cooled", held=bool(opened))
    back = sum(one["kind"] == "RampStarted" for one in transitions)
    findings.counts["recoveries of the killed target"] = back
    findings.check("it recovered after each restart", held=back >= len(outage.kills), seen=back)
    if opened:
        _judge_history(outage.served.tell("history", target, "--limit", "1000"), opened, findings)


def _judge_explain(text: str, told: dict[str, Any], findings: Findings) -> None:
    candidates = told["decision"]["candidates"]
    reasons = [reason for candidate in candidates for reason in candidate["reasons"]]
    failures = [attempt["class"] for attempt in told["attempts"] if attempt["class"]]
    happened = text.partition("what happened")[2]
    missing = [each for each in (*reasons, *failures, f"snapshot {told['snapshot']}") if each not in text]
    missing += [attempt["target"] for attempt in told["attempts"] if attempt["target"] not in happened]
    findings.check(
        "explain names both attempts, reason codes and the snapshot", held=not missing, seen=missing
    )
    findings.check("the explained request has reason codes", held=bool(reasons))
    findings.check("explain shows the proof", held="recomputed from the log: equal" in text, seen=text[-300:])
    findings.figures["explain"] = [line.rstrip() for line in text.splitlines()]


def _judge_history(text: str, opened: list[dict[str, Any]], findings: Findings) -> None:
    """Every cooldown's evidence is named by position, and each of those outcomes has its own line."""
    lines = text.splitlines()
    outcomes = {line.split()[0] for line in lines if "AttemptFailed" in line}
    for one in opened:
        cooled = next(
            (i for i, line in enumerate(lines) if re.match(rf"\s*{one['position']}\s.*CooldownOpened", line)),
            None,
        )
        named = cooled is not None and all(str(position) in lines[cooled] for position in one["evidence"])
        known = {str(position) for position in one["evidence"]} <= outcomes
        name = "history names the outcome events that opened each cooldown"
        findings.check(name, held=named and known and bool(one["evidence"]), seen=one)
    first = str(opened[0]["position"])
    findings.figures["history"] = [line.rstrip() for line in lines if line.lstrip().startswith(first)]


def _of(*, stream: bool) -> Callable[[Call], bool]:
    return lambda call: call.stream is stream


async def _recorded(admin: Any, wanted: int) -> bool:
    return len(await every_request(admin)) >= wanted
