"""Looking names up: one lookup for all who ask, literals at once."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from interlock_upstream.resolver import Resolver


async def test_literals_need_no_lookup() -> None:
    resolver = Resolver()
    assert await resolver.resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert await resolver.resolve("::1", 80) == ["::1"]


async def test_localhost_is_here() -> None:
    addresses = await Resolver().resolve("localhost", 80)
    assert set(addresses) <= {"127.0.0.1", "::1"}
    assert len(addresses) == len(set(addresses)) > 0


async def test_a_name_that_cannot_be_asked_for() -> None:
    with pytest.raises((socket.gaierror, UnicodeError)):
        await Resolver().resolve("model..example", 80)


async def test_all_who_ask_share_a_lookup_and_one_may_leave() -> None:
    """The loop has one thread for lookups and it is busy; three ask meanwhile, the first goes away."""
    loop = asyncio.get_running_loop()
    submitted: list[object] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *arguments, **named):
            submitted.append(arguments)
            return super().submit(*arguments, **named)

    executor = Counting(max_workers=1)
    loop.set_default_executor(executor)
    resolver = Resolver()
    asking = [asyncio.create_task(resolver.resolve("localhost", 80)) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1] == results[2] != []
    assert len(submitted) == 1
    await resolver.resolve("localhost", 80)
    assert len(submitted) == 2


async def test_a_failed_lookup_nobody_waits_for_is_quiet() -> None:
    """Warnings are errors in this suite: an exception nobody fetched would be one."""
    task = asyncio.create_task(Resolver().resolve("model..example", 80))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
