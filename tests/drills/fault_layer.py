"""A seeded fault layer between the real producers and a real Kafka: every reading ends in the same state.

Three gateways tell outcomes through their rings, operators decide through the journal in PostgreSQL, the
relay copies decisions; each of the four producers has its own bad luck (rig/faults.py). Of the log that
results: nothing is missing and each producer's first copies stand in its order; and one hash of the state
comes out of every way to fold it: as it lies there, without its copies, and read in odd pages, some of them
twice, begun again from checkpoints.
"""

import argparse
import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from msgspec import Struct

from interlock_control.commands import Accepted, Asked, CommandHandler
from interlock_control.decisions import JournalDecisions
from interlock_domain import digest
from interlock_domain.catalog.commands import ApplyConfig, Command, LiftCooldown, SetCooldown, SetTargetState
from interlock_domain.events import (
    AttemptFailed,
    AttemptSucceeded,
    Fact,
    GatewayReported,
    SuccessesCounted,
    SuccessRow,
)
from interlock_domain.projection.checkpoint import decode_state, encode_state, state_digest
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import all_rows
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import NewEvent
from interlock_domain.words import AdminState, EffectKind, FailureClass, Phase
from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.kafka import KafkaEventLog
from interlock_eventlog.adapters.kafka_publishing import FactPublisher
from interlock_eventlog.adapters.relay import Relay
from interlock_eventlog.codec import CODEC
from interlock_gateway.identity import Identity
from interlock_gateway.outcomes import OutcomeRing
from interlock_gateway.sender import OutcomeSender
from interlock_runtime.config_file import LoadedConfig, load_text
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_runtime.postgres import open_postgres
from interlock_testing.waiting import until
from tests.drills.rig.alone import in_cell, run_alone
from tests.drills.rig.cell import Cell
from tests.drills.rig.faults import Fate, FaultySender
from tests.drills.rig.refold import Refold
from tests.drills.rig.report import Findings, Report

LINE: Final = "fault_layer"
GATEWAYS: Final = ("gw-0", "gw-1", "gw-2")
TARGETS: Final = ("atlas/large", "atlas/small", "breeze/large")
SHAPES: Final = ("text", "tools")
PAUSE_S: Final = 0.01
SEND_S: Final = 20.0
"""What fails here is drawn, not the machine's doing."""
TRIES: Final = 100
NOTED_S: Final = 60.0
LONGEST_PAGE: Final = 40
LONGEST_REWIND: Final = 25
CONFIG: Final = """
providers:
  atlas: {base_url: "http://atlas.test/v1", api_key: none}
  breeze: {base_url: "http://breeze.test/v1", api_key: none}
pools:
  chat: {members: [{target: atlas/large, weight: WEIGHT}, {target: breeze/large}]}
  small: [atlas/small, breeze/large]
policy:
  cooldown: {initial: 100ms, max: 400ms}
  half_open: {probe_interval: 50ms, ramp: 50ms}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How many rounds over one growing log, and how often each producer sends in each."""

    seed: int = 1
    rounds: int = 60
    sends: int = 40


class Teller:
    """One gateway's outcomes on their way: its ring and its sender, as they are."""

    def __init__(self, name: str, cell: Cell, draw: random.Random) -> None:
        identity = Identity(gateway=name, worker=0, boot=f"boot-{name}")
        self.faulty = faulty(cell, name, draw)
        self.told = 0
        self._draw = draw
        self._ring = OutcomeRing(identity)
        facts = Facts(FactPublisher(self.faulty, cell.topics.events, CODEC))
        self._sender = OutcomeSender(facts, self._ring, identity, monotonic=time.monotonic)

    async def tell(self, sends: int) -> None:
        """Put some facts, send until they are acknowledged, again and again."""
        for number in range(sends):
            for _ in range(self._draw.randint(1, 6)):
                first = self.told == 0 or number == 0
                fact = GatewayReported(pools=("chat",)) if first else self._fact()
                self._ring.put(fact, time.monotonic() * 1000)
                self.told += 1
            await _until_sent(self._sender.flush)
            await asyncio.sleep(self._draw.uniform(0, PAUSE_S))

    def _fact(self) -> Fact:
        draw = self._draw
        about: dict[str, Any] = {"pool": "chat", "target": draw.choice(TARGETS), "shape": draw.choice(SHAPES)}
        about |= {"request": f"{draw.getrandbits(64):016x}"}
        kind = draw.random()
        if kind < 0.45:
            return AttemptFailed(
                **about,
                attempt=1,
                failure=draw.choice(
                    (FailureClass.SERVER_ERROR, FailureClass.DISCONNECT, FailureClass.TIMEOUT)
                ),
                phase=draw.choice((Phase.CONNECT, Phase.HEADERS, Phase.CONTENT)),
                ok_before=draw.randint(0, 2),
                probe=draw.random() < 0.1,
            )
        if kind < 0.7:
            return AttemptSucceeded(**about, attempt=1, probe=draw.random() < 0.3)
        row = SuccessRow(target=about["target"], shape=about["shape"], count=draw.randint(1, 5))
        return SuccessesCounted(rows=(row,))


class Facts:
    """FactSink over a publisher."""

    def __init__(self, publisher: FactPublisher) -> None:
        self._publisher = publisher

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See FactSink."""
        return await self._publisher.put(stream, facts)


class Alone:
    """The only control process there is."""

    async def holding(self, work: Callable[[], Awaitable[None]]) -> None:
        """At once."""
        await work()


class Decider:
    """Operators and the relay."""

    def __init__(self, cell: Cell, journal: PostgresJournal, draw: random.Random) -> None:
        self.faulty = faulty(cell, "relay", draw)
        self._draw = draw
        self._journal = journal
        self._handler = CommandHandler(JournalDecisions(journal), lambda: uuid.uuid4().hex)
        self._relay = Relay(journal, self.faulty, topics=cell.topics, lock=Alone(), generation=1)

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """The configuration, and the relay while the body runs."""
        await self._say(self._config())
        running = asyncio.create_task(self._relay.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def decide(self, commands: int) -> None:
        """Some commands, and until the relay has noted the last one."""
        for _ in range(commands):
            await self._say(self._command())
            await asyncio.sleep(self._draw.uniform(0, PAUSE_S))

        async def noted() -> bool:
            return not await self._journal.unpublished(1)

        await until(noted, timeout_s=NOTED_S, what="the relay to note every decision")

    async def _say(self, command: Command) -> None:
        answer = await self._handler.handle(command, Asked(actor="drill"))
        assert isinstance(answer, Accepted), answer

    def _command(self) -> Command:
        draw, target = self._draw, self._draw.choice(TARGETS)
        kind = draw.random()
        if kind < 0.3:
            return SetTargetState(target=target, state=draw.choice(list(AdminState)), expires_in_ms=300)
        if kind < 0.6:
            return SetCooldown(target=target, duration_ms=draw.randint(10, 400), shape=draw.choice(SHAPES))
        if kind < 0.8:
            return LiftCooldown(target=target)
        return self._config(f"{draw.randint(1, 9)}")

    def _config(self, priority: str = "1") -> Command:
        """A new revision is a batch of several decisions."""
        loaded = load_text(CONFIG.replace("WEIGHT", priority))
        assert isinstance(loaded, LoadedConfig), loaded
        return ApplyConfig(config=loaded.config, digest=loaded.digest, origin="file")


class Reread:
    """The log read in odd pages, some of them twice, and begun again from checkpoints."""

    def __init__(self, log: KafkaEventLog, draw: random.Random) -> None:
        self.state: State = empty_state()
        self.again = 0
        self._log = log
        self._draw = draw
        self._seen = 0

    async def to(self, position: int) -> None:
        """Read on up to and including that position."""
        while self._seen < position:
            back = self._draw.choice((0, 0, self._draw.randint(1, LONGEST_REWIND)))
            after = max(0, self._seen - back)
            limit = min(self._draw.randint(back + 1, LONGEST_PAGE), position - after)
            page = await self._log.read(after=after, limit=limit)
            self.again += sum(one.position <= self._seen for one in page)
            for recorded in page:
                evolve(self.state, recorded)
            self._seen = max(self._seen, page[-1].position)
            if self._draw.random() < 0.3:
                self.state = decode_state(encode_state(self.state))


def faulty(cell: Cell, name: str, draw: random.Random) -> FaultySender:
    """A sender with bad luck of its own."""
    return FaultySender(
        KafkaSender(cell.connection, client_id=name, timeout_s=SEND_S),
        KafkaSender(cell.connection, client_id=f"{name}-late", timeout_s=SEND_S),
        random.Random(draw.random()),
    )


async def run(options: Options, cell: Cell) -> Findings:
    """Round after round: all producers at once, then every way to read."""
    assert cell.database_url is not None
    findings = Findings()
    engine = open_postgres(cell.database_url)
    journal = PostgresJournal(engine)
    log = KafkaEventLog(cell.connection, cell.topics)
    tellers = [Teller(name, cell, random.Random(f"{options.seed}:{name}")) for name in GATEWAYS]
    decider = Decider(cell, journal, random.Random(f"{options.seed}:relay"))
    reread, refold = Reread(log, random.Random(f"{options.seed}:read")), Refold(log)
    senders = [*(one.faulty for one in tellers), decider.faulty]
    try:
        async with decider.relaying():
            for _ in range(options.rounds):
                tasks = (decider.decide(options.sends), *(one.tell(options.sends) for one in tellers))
                await asyncio.gather(*tasks)
                await asyncio.gather(*(sender.settle() for sender in senders))
                head = await log.head()
                await refold.to(head)
                await reread.to(head)
                await _judge(refold, reread, journal, tellers, findings)
    finally:
        await asyncio.gather(*(sender.close() for sender in senders), log.close(), journal.close())
        await engine.dispose()
    _count(senders, refold, reread, findings)
    return findings


async def _judge(
    refold: Refold, reread: Reread, journal: PostgresJournal, tellers: list[Teller], findings: Findings
) -> None:
    order, check = refold.order, findings.check
    check("no fact is missing", held=not order.lost_facts, seen=order.lost_facts)
    check("decisions of a stream stand in their order", held=not order.torn, seen=order.torn[:3])
    told = {name: gateway.boots[f"0/boot-{name}"].seq for name, gateway in refold.state.gateways.items()}
    wanted = {name: one.told for name, one in zip(GATEWAYS, tellers, strict=True)}
    check("the fold has heard of every fact", held=told == wanted, seen=(told, wanted))
    entries = await journal.read(after=0, limit=await journal.head())
    missing = {one.id for one in entries} - {one.id for one in refold.decisions.values()}
    check("every decision is in the log", held=not missing, seen=len(missing))
    check("the fold waits for nothing", held=refold.state.gap is None and not refold.state.staging)
    folded, without = refold.digests()
    check("copies change no row", held=folded == without, seen=(refold.position, folded, without))
    rows = digest.table_digest(all_rows(reread.state))
    check("odd reading gives the same rows", held=rows == folded, seen=(refold.position, rows, folded))
    whole, again = state_digest(refold.state), state_digest(reread.state)
    check("odd reading gives the same state", held=whole == again, seen=(refold.position, whole, again))


def _count(senders: list[FaultySender], refold: Refold, reread: Reread, findings: Findings) -> None:
    fates = sum((sender.fates for sender in senders), Counter[Fate]())
    opened = sum(one.kind is EffectKind.COOLDOWN_OPENED for one in refold.effects)
    findings.counts |= {
        "records in the log": refold.position,
        "copies of facts": refold.order.copied_facts,
        "copies of decisions": refold.order.copied_decisions,
        "records delivered again": reread.again,
        "cooldowns opened": opened,
        **{f"sends {fate.value}": fates[fate] for fate in Fate},
    }
    findings.check("every kind of fault occurred", held=all(fates[fate] for fate in Fate), seen=fates)
    copied = min(refold.order.copied_facts, refold.order.copied_decisions, reread.again)
    findings.check("there were copies of every kind", held=copied > 0)
    findings.check("targets were cooled", held=opened > 0)


async def _until_sent(send: Callable[[], Awaitable[object]]) -> None:
    """What every producer does: begin again from the first that was not acknowledged."""
    for _ in range(TRIES):
        try:
            await send()
        except Unsent:
            continue
        return
    raise AssertionError(f"{TRIES} sends in a row failed")


def main() -> None:
    """Run at full size and write reports/fault_layer.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--rounds", type=int, default=60)
    args = wanted.parse_args()
    options = Options(seed=args.seed, rounds=args.rounds)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, in_cell(partial(run, options)))


if __name__ == "__main__":
    main()
