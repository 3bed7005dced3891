"""What is killed or stopped in a cluster, and how it comes back; each keeps its ports and its data.

Rule: kill -9 and SIGSTOP reach the whole service at once, its children included, as they do when a machine
dies or a container is paused. A PostgreSQL of which only the first process stands still goes on answering.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Final, Protocol

from interlock_testing.services.kafka import KafkaCluster
from interlock_testing.services.postgres import PostgresServer
from interlock_testing.waiting import ServerProcess

START_S: Final = 60.0
"""Several services start at once on a busy machine."""


class Victim(Protocol):
    """Struck by `kill` or `pause`; `start` and `go_on` return when it does its part again."""

    def kill(self) -> None: ...
    def pause(self) -> None: ...
    async def start(self) -> None: ...
    async def go_on(self) -> None: ...


class ProcessVictim:
    """A service of ours."""

    def __init__(self, process: ServerProcess) -> None:
        self._process = process

    def kill(self) -> None:
        """Its process group."""
        self._process.kill()

    def pause(self) -> None:
        """Its process group."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    async def start(self) -> None:
        """Until it answers."""
        await self._process.start(timeout_s=START_S)

    async def go_on(self) -> None:
        """At once; whether it works is for the drill to see."""
        os.killpg(self._process.pid, signal.SIGCONT)


class BrokerVictim:
    """One broker of a cluster."""

    def __init__(self, cluster: KafkaCluster, broker: int) -> None:
        self._cluster = cluster
        self._broker = broker

    def kill(self) -> None:
        """One JVM."""
        self._cluster.kill(self._broker)

    def pause(self) -> None:
        """One JVM."""
        self._cluster.pause(self._broker)

    async def start(self) -> None:
        """Until the cluster is whole."""
        await self._cluster.start_again(self._broker)

    async def go_on(self) -> None:
        """Until the cluster is whole."""
        self._cluster.go_on(self._broker)
        await self._cluster.until_whole()


class PostgresVictim:
    """The server with every process of it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._stopped: list[int] = []

    def kill(self) -> None:
        """The first process; its children notice and end."""
        self._server.kill()

    def pause(self) -> None:
        """The first process before its children, so that no new one comes."""
        self._server.pause()
        self._stopped = children(self._server.pid)
        _send(self._stopped, signal.SIGSTOP)

    async def start(self) -> None:
        """Until it answers."""
        await self._server.start_again()

    async def go_on(self) -> None:
        """All of them."""
        _send(self._stopped, signal.SIGCONT)
        self._server.go_on()


class Together:
    """Several victims, struck one right after the other."""

    def __init__(self, first: Sequence[Victim], second: Sequence[Victim] = ()) -> None:
        self._stages = (first, second)

    def kill(self) -> None:
        """All of them."""
        for victim in (*self._stages[1], *self._stages[0]):
            victim.kill()

    def pause(self) -> None:
        """All of them."""
        for victim in (*self._stages[1], *self._stages[0]):
            victim.pause()

    async def start(self) -> None:
        """The stores first: a service of ours may say at its start that it finds none."""
        for stage in self._stages:
            await asyncio.gather(*(victim.start() for victim in stage))

    async def go_on(self) -> None:
        """All at once."""
        await asyncio.gather(*(victim.go_on() for stage in self._stages for victim in stage))


def children(pid: int) -> list[int]:
    """The direct children of a process."""
    told = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    pairs = (line.split() for line in told)
    return [int(one) for one, parent in pairs if int(parent) == pid]


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
