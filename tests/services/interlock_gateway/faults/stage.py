"""A gateway with a pool for each cell, everyone the cells speak to, and what comes of asking.

Rule: each cell is asked twice, and everything that is known of it is read from outside: the client's socket,
the request record, the facts in the log, the local breaker's own answers, and the provider's books. The
projector is stopped once the gateway has its snapshot, so that what is learnt is the gateway's alone.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_domain.attempt.record import AttemptRecord, RequestRecord
from interlock_domain.events import AttemptFailed
from interlock_domain.words import FailureClass, Result
from interlock_domain.words import Outcome as Ended
from interlock_testing.faulty import FaultyProvider
from interlock_testing.misbehave import MisbehavingServer, refusing, silence, unanswering
from interlock_testing.running import RunningLoop, running
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.libs.interlock_upstream.certificates import make_identity
from tests.services.interlock_gateway.faults.asked import Answer, answered_by, ask, error_in, unhonest
from tests.services.interlock_gateway.faults.cells import FAULTY, HEALTHY, HEAVY, TIMED, Cell
from tests.services.interlock_gateway.faults.expected import RETRIES, Found, Outcome, Tried

OTHER_SHAPE: Final = "tools"
"""A shape that no cell asks with: a strike that it has too is one for all."""
AT_ONCE: Final = 32
"""Cells that no limit ends, at a time."""
NOBODY_HANGS_S: Final = 30.0
"""Beyond every limit of a cell: who waits longer waits for ever."""


class Limits(Struct, frozen=True):
    """`short_s`: every limit of a pool whose fault is ended by one. `long_s`: of all others."""

    short_s: float = 1.5
    long_s: float = 20.0

    @property
    def slow_s(self) -> float:
        """What a slow upstream takes: longer than it is given."""
        return self.short_s * 1.5 + 0.5


class Seen(Struct, frozen=True):
    """What came of a cell, and how long the first answer took; `unhonest`: what no cell may be."""

    outcome: Outcome
    took_s: float
    unhonest: str | None = None


class Stage:
    """Everything is running."""

    def __init__(self, loop: RunningLoop, faulty: Sequence[FaultyProvider], limits: Limits) -> None:
        self._loop = loop
        self._gateway = loop.gateway.service.gateway
        self._faulty = {provider.name: provider for provider in faulty}
        self._limits = limits

    async def play(self, cells: Iterable[Cell]) -> dict[Cell, Seen]:
        """Ask every cell twice: those that a limit ends all at once, those that cost a lot one by one.

        The three kinds one after the other: a limit that runs while much else does says little.
        """
        cells = list(cells)
        timed = [cell for cell in cells if cell.fault in TIMED]
        heavy = [cell for cell in cells if cell.fault in HEAVY]
        quick = [cell for cell in cells if cell.fault not in TIMED and cell.fault not in HEAVY]
        seen: dict[Cell, Seen] = {}
        for group, at_once in ((quick, AT_ONCE), (timed, len(timed)), (heavy, 1)):
            seen |= await self._play_all(group, asyncio.Semaphore(at_once))
        await self._all_released()
        return seen

    async def _play_all(self, cells: list[Cell], places: asyncio.Semaphore) -> dict[Cell, Seen]:
        async def placed(cell: Cell) -> Seen:
            async with places:
                return await self._play(cell)

        return dict(zip(cells, await asyncio.gather(*map(placed, cells)), strict=True))

    async def _play(self, cell: Cell) -> Seen:
        clock = asyncio.get_running_loop().time
        began = clock()
        answer = await self._ask(cell)
        took_s = clock() - began
        record = await self._loop.record(answer.headers["x-request-id"])
        learnt, unheard = self._learnt(cell), self._unheard(cell, answer, record)
        again = await self._ask(cell)
        await self._released(cell)
        outcome = Outcome(
            status=answer.status,
            answer=answered_by(cell, answer),
            error=error_in(cell, answer),
            cut=not answer.whole,
            retry_after_s=int(answer.headers["retry-after"]) if "retry-after" in answer.headers else None,
            result=record.result,
            attempts=tuple(map(_tried, record.attempts)),
            learnt=learnt,
            later=self._learnt(cell),
        )
        await self._facts_agree(cell, record)
        why = unhonest(cell, answer) or unhonest(cell, again) or self._hung(record) or unheard
        return Seen(outcome, took_s, why)

    async def _ask(self, cell: Cell) -> Answer:
        provider = self._faulty.get(cell.provider)
        async with asyncio.timeout(self._limits.short_s * 2 + NOBODY_HANGS_S):
            return await ask(
                self._loop.gateway.port, cell, lambda: provider.heard(cell.name) if provider else None
            )

    def _learnt(self, cell: Cell) -> str:
        """What the local breaker holds of the target: a cooldown, over or not, or strikes."""
        breakers, shape = self._gateway.local.breakers, cell.surface.shape
        if breakers.is_open(cell.target, shape, 0.0):  # at the beginning of time every cooldown is in force
            return "cooldown"
        if breakers.clean(cell.target, shape):
            return "nothing"
        return "strike" if breakers.clean(cell.target, OTHER_SHAPE) else "strike, all shapes"

    async def _facts_agree(self, cell: Cell, record: RequestRecord) -> None:
        """The log is told what the record says, but for what is nobody's failure or no evidence."""
        failed = [
            (each.failure, each.phase, each.status, each.retry_after_ms)
            for each in record.attempts
            if each.outcome is Ended.FAILED and each.failure is not FailureClass.CALLER_FAULT
        ]
        failed = failed if cell.surface.evidence else []

        async def told() -> bool:
            facts = await self._loop.facts(AttemptFailed)
            mine = [fact for fact in facts if fact.request == record.request_id]
            return failed == [(f.failure, f.phase, f.status, f.retry_after_ms) for f in mine]

        await until(told, what=f"the log to be told of {cell.name}: {failed}")

    def _unheard(self, cell: Cell, answer: Answer, record: RequestRecord) -> str | None:
        """Attempts by the record, by the answer's header, and by the upstream's own count."""
        headers = answer.headers
        provider = self._faulty.get(cell.provider)
        tries = sum(attempt.target == cell.target for attempt in record.attempts)
        if provider is not None and provider.requests[cell.name] != tries:
            return f"{provider.requests[cell.name]} requests for {tries} attempts"
        if int(headers["x-interlock-attempts"]) != len(record.attempts):
            return f"{headers['x-interlock-attempts']} attempts by the header"
        if (
            answer.status != 200
            and record.result is Result.EXHAUSTED
            and headers["x-should-retry"] != "false"
        ):
            return "the client is asked to try again"
        return None

    def _hung(self, record: RequestRecord) -> str | None:
        """An attempt that a limit ended took that limit, and none took longer."""
        for attempt in record.attempts:
            took_s = (attempt.ended_ms - attempt.started_ms) / 1000
            ours = attempt.failure is FailureClass.TIMEOUT and attempt.status is None
            if ours and not self._at_its_limit(took_s):
                return f"an attempt timed out after {took_s} s"
        return None

    def _at_its_limit(self, took_s: float) -> bool:
        """The stall limit counts from the last content, so an attempt may take a little more than one."""
        return self._limits.short_s - 0.01 <= took_s <= self._limits.short_s * 1.2 + 2.0

    async def _released(self, cell: Cell) -> None:
        provider = self._faulty.get(cell.provider)
        if provider is not None:
            await until(
                lambda: not provider.answering[cell.name], timeout_s=20, what=f"{cell.name} to be left alone"
            )

    async def _all_released(self) -> None:
        """Every upstream connection is closed, or waits for a request."""
        stats = self._gateway.client.stats
        await until(lambda: stats().in_use == 0, timeout_s=20, what="no upstream connection to be in use")


def _tried(attempt: AttemptRecord) -> Tried:
    name = attempt.target.partition("/")[0]
    provider = HEALTHY if name.startswith(HEALTHY) else FAULTY
    if attempt.failure is None or attempt.phase is None:
        return Tried(provider)
    return Tried(provider, Found(attempt.failure, attempt.phase, attempt.status, attempt.retry_after_ms))


@asynccontextmanager
async def staged(cells: Sequence[Cell], folder: Path, limits: Limits) -> AsyncIterator[Stage]:
    """Start providers and a gateway for these cells. `folder` is for a certificate that nobody trusts."""
    async with AsyncExitStack() as stack:
        urls: dict[str, str] = {}
        faulty = []
        for suffix in ("", "-messages"):
            provider = FaultyProvider(FAULTY + suffix, slow_s=limits.slow_s)
            await stack.enter_async_context(provider)
            faulty.append(provider)
            healthy = await stack.enter_async_context(SimulatedProvider(HEALTHY + suffix))
            urls[provider.name] = provider.root_url if suffix else provider.url
            urls[healthy.name] = healthy.root_url if suffix else healthy.url
        tls = make_identity(folder).server_context()
        distrusted = await stack.enter_async_context(MisbehavingServer(silence, tls=tls))
        addresses = {
            "connect-refused": f"http://127.0.0.1:{stack.enter_context(refusing())}",
            "connect-unanswered": f"http://127.0.0.1:{stack.enter_context(unanswering())}",
            "tls-failure": distrusted.url,
        }
        for name, url in addresses.items():
            urls |= {name: f"{url}/v1", f"{name}-messages": url}
        loop = await stack.enter_async_context(running(configuration(cells, urls, limits)))
        await loop.pause()
        yield Stage(loop, faulty, limits)


def configuration(cells: Sequence[Cell], urls: dict[str, str], limits: Limits) -> str:
    """The baseline: two retries, one fallback, the same limit for everything."""
    lines = ["providers:"]
    for name, url in urls.items():
        apis = "[messages]" if name.endswith("-messages") else "[chat, completions, responses, embeddings]"
        lines.append(f"  {name}: {{base_url: '{url}', api_key: none, apis: {apis}}}")
    lines.append("pools:")
    for cell in cells:
        members = f"'{cell.target}'" if cell.alone else f"'{cell.target}', {cell.fallback}"
        short = TIMED.get(cell.fault, ())
        timeouts = ", ".join(
            f"{name}: {(limits.short_s if name in short else limits.long_s) * 1000:.0f}ms"
            for name in ("connect", "response", "first_token", "stall")
        )
        policy = f"{{timeouts: {{{timeouts}}}}}"
        lines.append(f"  '{cell.name}': {{members: [{_listed(members)}], policy: {policy}}}")
    attempts = f"{{max_targets: 2, retries_per_target: {RETRIES}, backoff: {{initial: 1ms, max: 2ms}}}}"
    lines.append(f"policy: {{attempts: {attempts}}}")
    return "\n".join(lines)


def _listed(members: str) -> str:
    return ", ".join(
        f"{{target: {name.strip()}, priority: {n}}}" for n, name in enumerate(members.split(","), 1)
    )
