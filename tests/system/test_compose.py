"""compose.yaml starts a cell that serves: its own commands and environment, as processes of this machine."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ruamel.yaml import YAML

from interlock_testing.running import asking, declaring
from interlock_testing.services.cells import fresh_topics
from interlock_testing.services.databases import PostgresService
from interlock_testing.services.docker import POSTGRES_IMAGE
from interlock_testing.services.jars import KAFKA_VERSION
from interlock_testing.services.kafka import KafkaService
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.system.composed import ROOT, SERVICES, Composed, Here, Unset, environment, filled, ours, probe

TOKEN = "a-token-of-this-run"
GIVEN = {"INTERLOCK_ADMIN_TOKEN": TOKEN, "OPENAI_API_KEY": "sk-of-this-run"}
SERVING = [name for name in ours() if name != "migrate"]
GATEWAYS = [name for name in SERVING if name.startswith("gateway-")]
PATIENCE_S = 60.0
METRIC = re.compile(r"\binterlock_\w+")


@asynccontextmanager
async def running(here: Here) -> AsyncIterator[dict[str, Composed]]:
    """Every service of the file that serves, healthy."""
    processes = {name: here.process(name, GIVEN) for name in SERVING}
    async with AsyncExitStack() as stack:
        for one in processes.values():
            stack.push_async_callback(one.stop)
        try:
            await asyncio.gather(*(one.healthy() for one in processes.values()))
        except BaseException as error:
            for one in processes.values():
                error.add_note(f"--- {one.name}\n{one.process.log()[-2000:]}")
            raise
        yield processes


def migrated(here: Here) -> subprocess.CompletedProcess[str]:
    """`migrate` to its end."""
    command, env = here.command("migrate", 0), here.environment("migrate", GIVEN)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_cell_of_the_file_starts_serves_is_measured_and_stops(
    kafka: KafkaService, postgres: PostgresService, tmp_path: Path
) -> None:
    async with postgres.empty_database() as url, SimulatedProvider("openai") as openai:
        config = tmp_path / "interlock.yaml"
        config.write_text(
            declaring({"openai": openai.url}).replace("api_key: none", "api_key: env:OPENAI_API_KEY")
        )
        here = Here(
            folder=tmp_path,
            config=config,
            bootstrap=kafka.bootstrap,
            database_url=url,
            topic_prefix=fresh_topics().prefix,
        )
        done = await asyncio.to_thread(migrated, here)
        assert done.returncode == 0, done.stdout + done.stderr
        again = await asyncio.to_thread(migrated, here)
        assert again.returncode == 0, "it runs at each `docker compose up`"

        async with running(here) as cell, httpx2.AsyncClient(timeout=20, trust_env=False) as http:
            for name in GATEWAYS:
                answer = await http.post(f"{cell[name].url}/v1/chat/completions", content=asking())
                assert answer.status_code == 200, (name, answer.text)
            await until(lambda: one_owner(http, cell), timeout_s=PATIENCE_S, what="one owner, one standby")
            await until(lambda: known(http, cell), timeout_s=PATIENCE_S, what="three gateways to be known")
            shown = await exposed(http, cell)
            assert drawn() <= shown, f"on the board and nowhere else: {drawn() - shown}"
            statuses = {name: await one.stop() for name, one in cell.items()}
        assert set(statuses.values()) == {0}, statuses
        for one in cell.values():
            log = one.process.log()
            assert "Traceback" not in log, f"{one.name}: {log[-3000:]}"
            assert TOKEN not in log
            assert "sk-of-this-run" not in log


async def one_owner(http: httpx2.AsyncClient, cell: dict[str, Composed]) -> bool:
    """One projector owns, the other stands by."""
    pages = [(await http.get(f"{cell[name].url}/readyz")).text for name in ("projector-1", "projector-2")]
    return sorted(page.split()[0] for page in pages) == ["owner", "standby"]


async def known(http: httpx2.AsyncClient, cell: dict[str, Composed]) -> bool:
    """The control plane has heard of every gateway, by the names of the file."""
    asked = {"authorization": f"Bearer {TOKEN}"}
    page = await http.get(f"{cell['control'].url}/admin/v1/gateways", headers=asked)
    return all(name in page.text for name in GATEWAYS)


async def exposed(http: httpx2.AsyncClient, cell: dict[str, Composed]) -> set[str]:
    """The metrics of all services, as Prometheus is told to ask for them."""
    found: set[str] = set()
    for job in scraped():
        asked = {"authorization": f"Bearer {TOKEN}"} if "authorization" in job else {}
        for target in job["static_configs"][0]["targets"]:
            page = await http.get(f"{cell[target.partition(':')[0]].url}/metrics", headers=asked)
            assert page.status_code == 200, target
            found |= set(re.findall(r"^# TYPE (interlock_\w+)", page.text, re.MULTILINE))
    return found


def scraped() -> list[dict[str, Any]]:
    """The jobs of deploy/prometheus.yaml."""
    jobs: list[dict[str, Any]] = YAML(typ="safe").load((ROOT / "deploy/prometheus.yaml").read_text())[
        "scrape_configs"
    ]
    return jobs


def drawn() -> set[str]:
    """The metrics on the board."""
    board = json.loads((ROOT / "deploy/grafana/board.json").read_text())
    return {
        name for panel in board["panels"] for one in panel["targets"] for name in METRIC.findall(one["expr"])
    }


def test_the_board_has_a_place_for_each_panel() -> None:
    panels = json.loads((ROOT / "deploy/grafana/board.json").read_text())["panels"]
    places = {(one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels}
    assert len(places) == len({one["id"] for one in panels}) == len(panels) >= 10


def test_prometheus_asks_every_service_where_it_listens() -> None:
    told = {target for job in scraped() for target in job["static_configs"][0]["targets"]}
    assert told == {f"{name}:{probe(name)[0]}" for name in SERVING}


@pytest.mark.parametrize("service", SERVING)
def test_a_health_check_asks_the_port_that_the_command_names(service: str) -> None:
    words = SERVICES[service]["command"]
    assert probe(service) == (int(words[words.index("--port") + 1]), "/readyz")


@pytest.mark.parametrize("service", ours())
def test_our_containers_can_write_nothing_and_may_nothing(service: str) -> None:
    said = SERVICES[service]
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in said


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_a_cell_without_a_token_does_not_start() -> None:
    with pytest.raises(Unset, match="openssl"):
        environment("control", {})


def test_the_gateways_alone_hold_credentials_of_providers() -> None:
    holders = [name for name in SERVING if "OPENAI_API_KEY" in environment(name, GIVEN)]
    assert holders == GATEWAYS
    assert [name for name in SERVING if "INTERLOCK_ADMIN_TOKEN" in environment(name, GIVEN)] == ["control"]
    assert [name for name in GATEWAYS if "INTERLOCK_DATABASE_URL" in environment(name, GIVEN)] == []


def test_two_gateways_never_share_a_name_or_a_folder() -> None:
    assert [environment(name, GIVEN)["INTERLOCK_GATEWAY_ID"] for name in GATEWAYS] == GATEWAYS
    assert [SERVICES[name]["volumes"] for name in GATEWAYS] == [[f"{name}:/data"] for name in GATEWAYS]


def test_the_cluster_runs_what_the_tests_run() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert SERVICES["postgres"]["image"] == POSTGRES_IMAGE
    assert SERVICES["kafka"]["environment"]["KAFKA_BROKER_SESSION_TIMEOUT_MS"] == 3000


def test_a_mounted_file_exists() -> None:
    mounts = [filled(one, {}) for said in SERVICES.values() for one in said.get("volumes", [])]
    files = [one.partition(":")[0] for one in mounts if one.startswith("./")]
    assert len(files) == 5
    assert [one for one in files if not (ROOT / one).is_file()] == []


def test_the_configuration_of_the_file_is_a_good_one() -> None:
    from interlock_runtime.config_file import LoadedConfig, load_config

    assert isinstance(load_config(ROOT / "deploy/interlock.yaml"), LoadedConfig)
