"""A server on a socket that the process holds already: it starts, answers, and ends whoever is connected."""

import asyncio

from interlock_runtime.health import HealthApp, Metric
from interlock_runtime.listen import PortRefused, address_of, listen_on
from interlock_runtime.serving import Serving, answering, quiet_server
from interlock_testing.waiting import free_port, until


class Well:
    """A service that is ready."""

    def readiness(self) -> tuple[bool, str]:
        return True, "well"

    def metrics(self) -> list[Metric]:
        return []


async def asked(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_it_answers_while_the_work_goes_on_and_not_afterwards():
    port = free_port()
    listening = listen_on("127.0.0.1", port)
    assert not isinstance(listening, PortRefused)
    async with answering(HealthApp(Well()), listening):
        assert (await asked(port)).endswith(b"well\n")
    listening.close()
    again = listen_on("127.0.0.1", port)
    assert not isinstance(again, PortRefused)
    again.close()


async def test_without_a_socket_nothing_is_answered():
    async with answering(HealthApp(Well()), None):
        pass


async def test_a_client_that_keeps_its_connection_does_not_hold_up_the_end():
    listening = listen_on("127.0.0.1", 0)
    assert not isinstance(listening, PortRefused)
    serving = Serving(quiet_server(HealthApp(Well())), listening, grace_s=0.1)
    await serving.started()
    assert address_of(listening).startswith("http://127.0.0.1:")
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
    writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"well\n")
    await serving.stopped()
    await until(serving.task.done, timeout_s=30.0, what="the server to end")
    assert await reader.read() == b""
    writer.close()
    listening.close()
