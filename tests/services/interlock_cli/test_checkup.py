"""The doctor's looks, one by one."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock_cli.checkup import Level, look_at_config, look_at_data_dir, look_at_ports, look_at_secrets
from interlock_cli.reach import look_at_upstreams
from interlock_domain.catalog.config import Config
from interlock_domain.catalog.provider import Provider, SecretRef


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_given_a_port_in_use_then_the_finding_says_which_option_helps(listening: int) -> None:
    free, taken = look_at_ports({"--port": 0, "--control-port": listening})
    assert (free.level, taken.level) == (Level.OK, Level.WARN)
    assert "--control-port" in taken.do


def test_given_a_missing_secret_then_its_provider_is_named() -> None:
    provider = Provider(name="keyed", base_url="http://x/v1", api_key=SecretRef(env="KEY"))
    config = Config(providers=(provider,))
    assert [one.level for one in look_at_secrets(config, {"KEY": "x"})] == [Level.OK]
    (missing,) = look_at_secrets(config, {})
    assert (missing.level, "keyed: " in missing.says, "KEY" in missing.says) == (Level.WARN, True, True)


def test_given_a_configuration_with_mistakes_then_each_is_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "interlock.yaml"
    file.write_text("pool: {}\nprovider: {}\n")
    config, found = look_at_config(file)
    assert config is None
    assert [one.level for one in found] == [Level.FAIL, Level.FAIL]
    assert "interlock.yaml:1:1" in found[0].says


def test_given_a_folder_that_is_not_there_then_nothing_is_made(tmp_path: Path) -> None:
    (found,) = look_at_data_dir(tmp_path / "none")
    assert found.level is Level.OK
    assert not (tmp_path / "none").exists()


def test_given_upstreams_then_each_is_connected_to_and_never_asked(listening: int) -> None:
    found = look_at_upstreams(
        [("here", f"http://127.0.0.1:{listening}/v1"), ("gone", "http://127.0.0.1:1/v1")]
    )
    assert [one.level for one in found] == [Level.OK, Level.WARN]
    assert "refused" in found[1].says


def test_given_no_upstream_then_nothing_is_looked_at() -> None:
    assert look_at_upstreams([]) == []
    assert asyncio.run(asyncio.sleep(0, True))  # no loop was left behind
