"""`interlock serve projector` and `serve reactors`: what both refuse, in one sentence, with exit code 1."""

import socket
from collections.abc import Awaitable, Callable

import pytest

from interlock_projector.serve import serve as serve_projector
from interlock_reactors.serve import serve as serve_reactors
from interlock_runtime.settings import RuntimeSettings
from interlock_testing.services.databases import PostgresService
from interlock_testing.waiting import free_port

SECRET = "hunter2"

Serve = Callable[..., Awaitable[int]]
both = pytest.mark.parametrize("serve", [serve_projector, serve_reactors], ids=["projector", "reactors"])


def settings(**given: object) -> RuntimeSettings:
    return RuntimeSettings(gateway_id="test", **given)  # type: ignore[arg-type]


@both
@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"kafka_bootstrap": ("127.0.0.1:9",)}, "INTERLOCK_DATABASE_URL"),
        ({"kafka_bootstrap": ("127.0.0.1:9",), "database_url": "sqlite:///x"}, "INTERLOCK_DATABASE_URL"),
        ({"database_url": f"postgresql://u:{SECRET}@127.0.0.1/x"}, "INTERLOCK_KAFKA_BOOTSTRAP"),
        (
            {"database_url": f"postgresql://u:{SECRET}@[oops", "kafka_bootstrap": ("127.0.0.1:9",)},
            "INTERLOCK_DATABASE_URL",
        ),
    ],
)
async def test_an_address_that_is_missing_or_wrong_is_named_and_no_secret_is(
    serve: Serve, given: dict[str, object], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await serve(settings(**given)) == 1
    told = capsys.readouterr().err
    assert word in told
    assert told.count("\n") == 1
    assert SECRET not in told


@both
async def test_a_port_that_is_taken_is_named(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        given = settings(
            database_url=f"postgresql://127.0.0.1:{free_port()}/x", kafka_bootstrap=("127.0.0.1:9",)
        )
        assert await serve(given, port=port) == 1
    assert f"port {port} is in use" in capsys.readouterr().err


@both
@pytest.mark.cluster
async def test_tables_that_are_missing_end_it_with_what_to_run(
    serve: Serve, postgres: PostgresService, capsys: pytest.CaptureFixture[str]
) -> None:
    async with postgres.empty_database() as url:
        assert await serve(settings(database_url=url, kafka_bootstrap=("127.0.0.1:9",))) == 1
    assert "interlock migrate" in capsys.readouterr().err
