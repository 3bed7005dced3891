"""A real Apache Kafka on loopback: one broker or three, each to be killed, paused and started again.

Rule: a broker keeps its ports and its data over a restart, so that clients meet the same cluster again; the
session timeout is 3 s, so that a fail-over takes seconds and is the same in tests and in compose.yaml.
A broker imitated in Python was dropped: what hurts (compaction, elections, stalled acks) it does not have.
"""

import asyncio
import base64
import subprocess
import uuid
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_testing.services.brokers import GUARDED, LOG4J, Guard, Ports, counts_exactly, properties
from interlock_testing.services.process import ServiceProcess
from interlock_testing.waiting import free_port, until

READY_S: Final = 60.0
"""A JVM on a busy two-core machine, several times over."""
FORMAT_S: Final = 20.0
"""It takes one second; a JVM that hangs at its end has been seen once in some hundred runs."""
STARTS: Final = 3
"""A free port may be taken by another process before the broker binds it; three times is no accident."""


class KafkaService(Struct, frozen=True):
    """A Kafka to talk to, whoever runs it."""

    bootstrap: tuple[str, ...]


class NotStarted(Exception):
    """A service did not come up; the message holds the end of its own log."""


class KafkaCluster:
    """Brokers 1..n over `jars` in `folder`; every broker is a controller too."""

    def __init__(
        self, *, jars: Path, folder: Path, brokers: int = 1, java: str = "java", guard: Guard | None = None
    ) -> None:
        self._guard = guard
        self.ids = tuple(range(1, brokers + 1))
        self._folder = folder
        self._jars = jars
        self._java = java
        self._ports: dict[int, Ports] = {}
        self._brokers: dict[int, ServiceProcess] = {}
        self._meant_to_run: set[int] = set()

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """Every broker, also one that does not run."""
        return tuple(self._ports[broker].address for broker in self.ids)

    def guarded(self, protocol: str) -> tuple[str, ...]:
        """Where every broker speaks one of GUARDED."""
        return tuple(f"127.0.0.1:{self._ports[broker].guarded[protocol]}" for broker in self.ids)

    @property
    def service(self) -> KafkaService:
        """What a client needs of it."""
        return KafkaService(bootstrap=self.bootstrap)

    async def start(self) -> None:
        """Format and start all brokers; returns when each has joined."""
        for attempt in range(1, STARTS + 1):
            self._lay_out(self._folder / f"start{attempt}")
            await asyncio.gather(*(asyncio.to_thread(self._format, broker) for broker in self.ids))
            try:
                for broker in self.ids:
                    self._spawn(broker)
                await self.until_whole()
                return
            except BaseException:
                await self.stop()
                if attempt == STARTS or "Address already in use" not in self.log():
                    raise

    async def stop(self) -> None:
        """End all brokers; the data stays. A clean shutdown would wait for a quorum that ends too."""
        for broker in self._brokers:
            self.kill(broker)

    def kill(self, broker: int) -> None:
        """kill -9 of one broker."""
        self._meant_to_run.discard(broker)
        self._brokers[broker].kill()

    def pause(self, broker: int) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self._meant_to_run.discard(broker)
        self._brokers[broker].pause()

    def go_on(self, broker: int) -> None:
        """SIGCONT: the end of a pause."""
        self._brokers[broker].go_on()
        self._meant_to_run.add(broker)

    async def start_again(self, broker: int) -> None:
        """Start one broker on its own data; returns when the cluster counts it."""
        self._spawn(broker)
        await self.until_whole()

    async def until_whole(self) -> None:
        """Until all brokers that are meant to run, and only these, see one another and have copied all."""
        await until(self._whole, timeout_s=READY_S, what=f"the brokers {sorted(self._meant_to_run)}")

    def log(self) -> str:
        """What the brokers printed since the last `start`."""
        return "\n".join(broker.log() for broker in self._brokers.values())

    async def _whole(self) -> bool:
        wanted = set(self._meant_to_run)
        for broker in wanted:
            if not self._brokers[broker].running:
                raise NotStarted(f"broker {broker} ended: {self._brokers[broker].log()[-3000:]}")
        for broker in wanted:
            if not await counts_exactly(self._ports[broker].address, wanted):
                return False
        return True

    def _spawn(self, broker: int) -> None:
        self._brokers[broker].spawn()
        self._meant_to_run.add(broker)

    def _lay_out(self, base: Path) -> None:
        base.mkdir(parents=True)
        (base / "log4j2.properties").write_text(LOG4J)
        self._cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        doors = GUARDED if self._guard is not None else ()
        self._ports = {
            broker: Ports(
                client=free_port(), controller=free_port(), guarded={name: free_port() for name in doors}
            )
            for broker in self.ids
        }
        self._brokers = {}
        for broker in self.ids:
            said = base / f"{broker}.properties"
            said.write_text(properties(broker, self._ports, base / f"data{broker}", guard=self._guard))
            self._brokers[broker] = ServiceProcess(
                self._jvm(base, "kafka.Kafka", str(said)), log_path=base / f"broker{broker}.log"
            )
        self._base = base

    def _format(self, broker: int) -> None:
        said = str(self._base / f"{broker}.properties")
        # As one word, because an id may begin with a dash.
        told_once = [f"--cluster-id={self._cluster_id}", "--ignore-formatted", "-c", said]
        scram = self._guard.scram() if self._guard is not None else []
        command = self._jvm(self._base, "kafka.tools.StorageTool", "format", *told_once, *scram)
        for patience_s in (FORMAT_S, READY_S):
            try:
                done = subprocess.run(command, capture_output=True, timeout=patience_s, check=False)
            except subprocess.TimeoutExpired:
                continue
            if done.returncode:
                told = (done.stdout + done.stderr).decode(errors="replace")
                raise NotStarted(f"the data folder of broker {broker} was not formatted: {told[-3000:]}")
            return
        raise NotStarted(f"the data folder of broker {broker} was not formatted within {READY_S:g} s")

    def _jvm(self, base: Path, *arguments: str) -> list[str]:
        # Quick to start rather than fast for hours: one compiler tier, one collector thread, a small heap.
        tuned = ["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        config = f"-Dlog4j2.configurationFile={base}/log4j2.properties"
        return [self._java, *tuned, "-cp", f"{self._jars}/*", config, *arguments]
