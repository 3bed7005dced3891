"""Several workers: which ends are answered with a new start, and how all of them end."""

import asyncio
import sys
from pathlib import Path

import pytest

from interlock_gateway.settings import Order
from interlock_gateway.supervisor import Supervisor
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.shutdown import Shutdown
from interlock_testing.waiting import until

ORDER = Order(settings=RuntimeSettings(gateway_id="gw", admin_token="s3cret"), host="127.0.0.1", port=1)
WRITES = "open(sys.argv[1] + f'/{os.getpid()}', 'w').write(sys.stdin.readline())"
LONG_S = 20.0


def script(body: str, folder: Path) -> tuple[str, ...]:
    """A worker that leaves its order in a file named after it, then does `body`."""
    return (sys.executable, "-c", f"import os, signal, sys, time; {WRITES}; {body}", str(folder))


def lives(folder: Path) -> list[str]:
    return [told for path in folder.iterdir() if path.is_file() and (told := path.read_text())]


@pytest.fixture
async def shutdown() -> Shutdown:
    return Shutdown()


async def test_each_worker_gets_its_order_on_standard_input_and_never_by_arguments(tmp_path, shutdown):
    command = script("time.sleep(60)", tmp_path)
    running = asyncio.create_task(Supervisor(ORDER, 2, shutdown, command=command).run())
    await until(lambda: len(lives(tmp_path)) == 2, timeout_s=LONG_S, what="two workers")
    shutdown.ask()
    assert await asyncio.wait_for(running, LONG_S) == 0
    assert all('"s3cret"' in told for told in lives(tmp_path))
    assert sorted(told.partition('"worker":')[2][0] for told in lives(tmp_path)) == ["1", "2"]
    assert "s3cret" not in repr(ORDER)


async def test_a_worker_that_dies_is_started_again_more_than_once(tmp_path, shutdown):
    command = script("os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    running = asyncio.create_task(Supervisor(ORDER, 1, shutdown, command=command).run())
    await until(lambda: len(lives(tmp_path)) >= 3, timeout_s=LONG_S, what="three lives")
    shutdown.ask()
    assert await asyncio.wait_for(running, LONG_S) == 0


async def test_a_refusal_of_one_ends_them_all_and_is_the_exit_code(tmp_path, shutdown):
    command = script("sys.exit(78)", tmp_path)
    supervisor = Supervisor(ORDER, 2, shutdown, command=command)
    assert await asyncio.wait_for(supervisor.run(), LONG_S) == 1
    assert shutdown.asked.is_set()


async def test_the_end_is_asked_once_of_each_and_waited_for(tmp_path, shutdown):
    said = tmp_path / "said"
    said.mkdir()
    hears = "open(sys.argv[1] + f'/said/{os.getpid()}', 'a').write('asked')"
    body = (
        f"signal.signal(signal.SIGTERM, lambda *_: ({hears}, time.sleep(0.3), sys.exit(0))); "
        "open(sys.argv[1] + f'/{os.getpid()}.set', 'w').write('x'); time.sleep(60)"
    )
    running = asyncio.create_task(Supervisor(ORDER, 2, shutdown, command=script(body, tmp_path)).run())
    await until(lambda: len(list(tmp_path.glob("*.set"))) == 2, timeout_s=LONG_S, what="two workers")
    shutdown.ask()
    assert await asyncio.wait_for(running, LONG_S) == 0
    assert [path.read_text() for path in said.iterdir()] == ["asked", "asked"]
