"""No secret leaves: a whole cell with canaries for secrets, driven well and badly, then searched.

Searched are all answers, metrics, logs, command lines, files, topics and tables. That the search sees at all
is proved by what must be found: the address of the provider, and the name of a target.
"""

import asyncio
import hashlib
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_testing.behaviour import Behaviour, fail, healthy
from interlock_testing.running import asking
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.databases import PostgresService
from interlock_testing.services.tiers import LocalKafka
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import ServerProcess, free_port, until
from tests.drills.rig.cell import Cell
from tests.drills.rig.searched import files_of, tables_of, topics_of

PATIENCE_S = 60.0
PROVIDER_KEY = "canary-provider-b81c"
TOKEN = "canary-token-31f7"
WRONG_TOKEN = "canary-wrong-token-902e"
DSN_PASSWORD = "canary-dsn-@:/9ab2"
SASL_PASSWORD = "canary-sasl-77c0"
HOOK = "canary-hook-5d1f"
CLIENT_KEY = "canary-client-64aa"
LITERAL = "canary-literal-f00d"
"""A secret that somebody writes into the configuration itself, which is refused."""
PROMPT = "canary-prompt-1c3e"
CANARIES = {
    "provider key": PROVIDER_KEY,
    "admin token": TOKEN,
    "wrong token": WRONG_TOKEN,
    "DSN password": DSN_PASSWORD,
    "DSN password, quoted": quote(DSN_PASSWORD, safe=""),
    "SASL password": SASL_PASSWORD,
    "webhook secret": HOOK,
    "client key": CLIENT_KEY,
    "literal secret": LITERAL,
    "prompt": PROMPT,
}
VARIABLES = {
    "INTERLOCK_ADMIN_TOKEN": TOKEN,
    "INTERLOCK_LOG_LEVEL": "DEBUG",
    "INTERLOCK_KAFKA_SASL_USERNAME": "someone",
    "INTERLOCK_KAFKA_SASL_PASSWORD": SASL_PASSWORD,
    "PROVIDER_KEY": PROVIDER_KEY,
    "HOOK": HOOK,
}
TOKEN_SHOWN = {"authorization": f"Bearer {TOKEN}"}
KEY_SHOWN = {"authorization": f"Bearer {CLIENT_KEY}"}
READS = (
    "/targets",
    "/targets?at=-1s",
    "/providers",
    "/gateways",
    "/projections",
    "/events",
    "/requests",
    "/requests/nobody",
    "/config",
    "/state",
    "/diff?from=1",
    "/dead-letters",
    "/transitions",
)
SERVICES = ("control", "projector", "gateway", "reactors")


def config(atlas: str, breeze: str, api_key: str = "env:PROVIDER_KEY") -> str:
    """Two providers with a key, a client key, a webhook."""
    digest = hashlib.sha256(CLIENT_KEY.encode()).hexdigest()
    return f"""
providers:
  atlas: {{base_url: {atlas}, api_key: {api_key}}}
  breeze: {{base_url: {breeze}, api_key: {api_key}}}
pools:
  chat: [atlas/large, breeze/large]
policy: {{cooldown: {{initial: 300s}}, budgets: {{retry_floor_per_s: 100}}}}
keys: [{{name: team-a, sha256: "{digest}"}}]
alerts: [{{url: "{atlas}/hook", secret: env:HOOK, on: [cooldown, quarantine, dead_letter]}}]
"""


@dataclass
class Driven:
    """The cell at work, and everything that anybody was answered."""

    cell: Cell
    parts: dict[str, ServerProcess]
    ports: dict[str, int]
    atlas: SimulatedProvider
    http: httpx2.AsyncClient
    said: list[str] = field(default_factory=list)

    async def ask(self, part: str, method: str, path: str, **more: Any) -> httpx2.Response:
        """One request; the answer is kept."""
        url = f"http://127.0.0.1:{self.ports[part]}{path}"
        answer = await self.http.request(method, url, **more)
        self.said.append(f"{part} {path} {answer.status_code} {dict(answer.headers)} {answer.text}")
        return answer

    async def admin(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """One request to the control plane, with the token."""
        headers = TOKEN_SHOWN | more.pop("headers", {})
        return await self.ask("control", method, f"/admin/v1{path}", headers=headers, **more)

    async def chat(self, model: str = "chat", **more: Any) -> httpx2.Response:
        """One request of a client, with its key and a prompt."""
        body = asking(model, messages=[{"role": "user", "content": PROMPT}], **more)
        return await self.ask("gateway", "POST", "/v1/chat/completions", content=body, headers=KEY_SHOWN)

    async def command(self, *words: str) -> None:
        """A command of the command line; what it printed is kept."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "interlock_cli",
            *words,
            env=self.cell.environment("command", **VARIABLES),
            cwd=self.cell.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        self.said.append(f"$ {' '.join(words)}\n{out.decode()}")


@asynccontextmanager
async def driven(cell: Cell) -> AsyncIterator[Driven]:
    """All four services and two providers."""
    async with AsyncExitStack() as stack:
        atlas = await stack.enter_async_context(SimulatedProvider("atlas"))
        breeze = await stack.enter_async_context(SimulatedProvider("breeze"))
        file = cell.folder / "interlock.yaml"
        file.write_text(config(atlas.url, breeze.url))
        ports = {name: free_port() for name in SERVICES}
        words = {"control": ("--config", str(file))}
        parts = {
            name: cell.process(name, name, *words.get(name, ()), port=ports[name], **VARIABLES)
            for name in SERVICES
        }
        stack.push_async_callback(stopped, list(parts.values()))
        await asyncio.gather(*(part.start(timeout_s=PATIENCE_S) for part in parts.values()))
        client = httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False)
        http = await stack.enter_async_context(client)
        yield Driven(cell=cell, parts=parts, ports=ports, atlas=atlas, http=http)


async def stopped(parts: list[ServerProcess]) -> None:
    """All of them, at once."""
    await asyncio.gather(*(part.stop(timeout_s=PATIENCE_S) for part in parts))


def echoing(status: int) -> Behaviour:
    """An upstream that repeats the credential in its refusal, as some do."""
    return fail(status, body=f'{{"error": {{"message": "bad key {PROVIDER_KEY}", "code": "x"}}}}')


async def drive_requests(one: Driven) -> None:
    """Good ones, failures of the upstream, bad input."""
    await until(lambda: _answers(one.chat, 200), timeout_s=PATIENCE_S, what="the gateway to be ready")
    await one.chat(stream=True)
    for behaviour in (fail(500), echoing(401)):
        one.atlas.behaviour = behaviour
        for _ in range(4):
            await one.chat()
    one.atlas.behaviour = healthy()
    wrong = {"authorization": f"Bearer {WRONG_TOKEN}"}
    for content, headers in ((b"{no json " + PROMPT.encode(), KEY_SHOWN), (asking(), wrong), (asking(), {})):
        await one.ask("gateway", "POST", "/v1/chat/completions", content=content, headers=headers)
    await one.chat("nobody/none")


async def drive_commands(one: Driven) -> None:
    """Commands that are taken, and many that are not."""
    drained = {"state": "drained", "reason": "x"}
    assert (await one.admin("PUT", "/targets/breeze/large/state", json=drained)).status_code == 200
    await one.admin("PUT", "/targets/breeze/large/state", json={"state": LITERAL})
    await one.admin("PUT", "/targets/no/where/state", json=drained)
    literal = config(one.atlas.url, one.atlas.url, api_key=LITERAL)
    refused = await one.admin("POST", "/config/apply", content=literal, headers={"if-match": "*"})
    assert refused.status_code == 422
    shown = {"authorization": f"Bearer {WRONG_TOKEN}"}
    await one.ask("control", "GET", "/admin/v1/targets", headers=shown)
    await asyncio.gather(*(one.admin("GET", path) for path in READS))
    control = f"http://127.0.0.1:{one.ports['control']}"
    await asyncio.gather(
        one.command("doctor", "--url", control),
        one.command("drain", "no/where", "--url", control),
        one.command("migrate", "--check"),
    )


async def drive_poison(one: Driven) -> None:
    """A record that nobody can read, until it is a dead letter."""
    sender = KafkaSender(one.cell.connection, client_id="poison")
    try:
        await sender.send(one.cell.topics.events, [OutRecord(key=b"x", value=b"{no json")])
    finally:
        await sender.close()

    async def kept() -> bool:
        return bool((await one.admin("GET", "/dead-letters")).json()["dead_letters"])

    await until(kept, timeout_s=PATIENCE_S, what="the dead letter")


async def drive_outage(one: Driven) -> None:
    """Everything once more while Kafka is away."""
    await one.chat()
    await one.admin("PUT", "/targets/breeze/large/state", json={"state": "enabled"})
    paths = ("/targets", "/events", "/targets?min_position=j999", "/targets?at=-1s")
    await asyncio.gather(*(one.admin("GET", path) for path in paths))
    await until(
        lambda: "Kafka at" in one.parts["control"].log(), timeout_s=PATIENCE_S, what="the outage to be told"
    )
    await one.command("doctor")


async def look_around(one: Driven) -> None:
    """What every process says of itself, its command line included."""
    for name, part in one.parts.items():
        for path in ("/healthz", "/readyz", "/metrics"):
            await one.ask(name, "GET", path, headers=TOKEN_SHOWN)
        if sys.platform == "linux":
            one.said.append(command_line(part.pid))


def command_line(pid: int) -> str:
    """What everybody on the machine may read of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_no_secret_is_in_any_answer_log_metric_file_topic_or_table(
    local_kafka: LocalKafka, postgres: PostgresService, tmp_path: Path
):
    brokers, topics = local_kafka.cluster(tmp_path / "kafka"), fresh_topics()
    await brokers.start()
    try:
        await create_topics(brokers.bootstrap, topics)
        async with postgres.database() as url:
            secret_url = re.sub(r"//([^@/]+)@", rf"//\1:{quote(DSN_PASSWORD, safe='')}@", url)
            assert secret_url != url
            cell = Cell(folder=tmp_path, bootstrap=brokers.bootstrap, topics=topics, database_url=secret_url)
            async with driven(cell) as one:
                await drive_requests(one)
                await drive_poison(one)
                await drive_commands(one)
                await look_around(one)
                brokers.kill(1)
                await drive_outage(one)
                await look_around(one)
                await brokers.start_again(1)
                await until(
                    lambda: _answers(lambda: one.admin("GET", "/events"), 200),
                    timeout_s=PATIENCE_S,
                    what="the log to be back",
                )
            places = {"answers": "\n".join(one.said).encode()}
            places |= files_of(tmp_path, without=tmp_path / "kafka")
            places |= await topics_of(cell)
            places |= await tables_of(url)
            judge(places, one, topics.prefix)
    finally:
        await brokers.stop()


def judge(places: dict[str, bytes], one: Driven, prefix: str) -> None:
    """What must be found is found, and nothing else."""
    address = one.atlas.url.encode()
    for place in (f"{prefix}.events.v1", f"{prefix}.state.v1", "table journal", "table view", "answers"):
        assert address in places[place], f"the search is blind in {place}"
    for place in (f"{prefix}.requests.v1", f"{prefix}.transitions.v1"):
        assert b"atlas/large" in places[place], f"the search is blind in {place}"
    for name in SERVICES:
        assert places[f"{name}.log"], f"{name} logged nothing"
        assert b"Traceback" not in places[f"{name}.log"], name
    found = [
        f"{what} in {place}: ..{text[max(0, text.index(canary) - 80) : text.index(canary) + 60]!r}"
        for place, text in places.items()
        if place != "interlock.yaml"
        for what, canary in ((what, canary.encode()) for what, canary in CANARIES.items())
        if canary in text
    ]
    assert not found, "\n".join(found)


async def _answers(ask: Any, status: int) -> bool:
    return bool((await ask()).status_code == status)
