"""`interlock serve control`: what it refuses to start with, and that no secret ever shows."""

import re
import sys
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from interlock_control.serve import serve, unusable
from interlock_runtime.settings import RuntimeSettings
from interlock_testing.waiting import ServerProcess, free_port
from tests.drills.rig.cell import Cell
from tests.services.facts import CONFIG_TEXT
from tests.services.interlock_control.cell import PATIENCE_S

TOKEN = "canary-token-31f7"
DSN_PASSWORD = "canary-dsn-@:/9ab2"
SASL_PASSWORD = "canary-sasl-77c0"
CANARIES = (TOKEN, DSN_PASSWORD, quote(DSN_PASSWORD, safe=""), SASL_PASSWORD)


@pytest.mark.parametrize("url", [None, "sqlite:///here.db"])
def test_a_cluster_wants_postgresql_and_the_sentence_says_what_else_there_is(url):
    told = unusable(RuntimeSettings(gateway_id="g", database_url=url), "127.0.0.1")
    assert told is not None
    assert "INTERLOCK_DATABASE_URL" in told
    assert "interlock quickstart" in told


async def told_on_start(capsys, settings: RuntimeSettings, **options) -> str:
    """The one line of a start that was refused."""
    assert await serve(settings, port=0, **options) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return str(line)


async def test_beyond_this_machine_it_does_not_start_without_a_token(capsys):
    settings = RuntimeSettings(gateway_id="g", database_url="postgresql://nobody@127.0.0.1:9/none")
    assert "INTERLOCK_ADMIN_TOKEN" in await told_on_start(capsys, settings, host="0.0.0.0")


async def test_a_file_with_mistakes_is_refused_with_its_line(capsys, tmp_path):
    file = tmp_path / "interlock.yaml"
    file.write_text("providers:\n  atlas: {base_url: 7}\n")
    settings = RuntimeSettings(gateway_id="g", database_url="postgresql://nobody@127.0.0.1:9/none")
    assert await serve(settings, port=0, config=file) == 1
    assert "interlock.yaml:2:" in capsys.readouterr().err


async def test_no_kafka_at_all_is_a_sentence(capsys, database_url):
    settings = RuntimeSettings(gateway_id="g", database_url=database_url)
    assert "INTERLOCK_KAFKA_BOOTSTRAP" in await told_on_start(capsys, settings)


async def test_a_schema_that_is_behind_asks_for_the_migration(capsys, postgres):
    async with postgres.empty_database() as url:
        settings = RuntimeSettings(gateway_id="g", database_url=url, kafka_bootstrap=("127.0.0.1:9",))
        assert "run `interlock migrate`" in await told_on_start(capsys, settings)


async def test_a_database_that_is_away_is_named_without_its_password(capsys):
    url = f"postgresql://someone:{quote(DSN_PASSWORD, safe='')}@127.0.0.1:9/cell"
    settings = RuntimeSettings(gateway_id="g", database_url=url, kafka_bootstrap=("127.0.0.1:9",))
    line = await told_on_start(capsys, settings)
    assert "127.0.0.1:9" in line
    assert not leaked(line)


async def test_a_port_that_is_taken_is_told(capsys, database_url):
    import socket

    settings = RuntimeSettings(gateway_id="g", database_url=database_url, kafka_bootstrap=("127.0.0.1:9",))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert await serve(settings, port=port) == 1
    assert f"port {port} is in use" in capsys.readouterr().err


def leaked(text: str) -> list[str]:
    """The secrets that stand in a text."""
    return [canary for canary in CANARIES if canary in text]


def command_lines(pid: int) -> str:
    """The arguments of a process and of its children."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(child) for child in tasks.read_text().split()] if tasks.exists() else []
    own = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return "\n".join([own, *(command_lines(child) for child in children)])


async def said_by(http: httpx2.AsyncClient) -> str:
    """Everything that a control plane answers with, headers included, asked well and badly."""
    token = {"authorization": f"Bearer {TOKEN}"}
    reads = ("targets", "pools", "providers", "gateways", "projections", "events", "state", "config")
    asked = [http.get(f"/admin/v1/{path}", headers=token) for path in reads]
    asked += [
        http.get("/admin/v1/targets"),
        http.get("/admin/v1/targets", headers={"authorization": f"Bearer {TOKEN}x"}),
        http.get("/admin/v1/targets", params={"at": "0"}, headers=token),
        http.get("/admin/v1/targets", params={"at": "1"}, headers=token),
        http.get("/admin/v1/targets", params={"at": "-1s"}, headers=token),
        http.get("/admin/v1/targets", params={"min_position": "j99"}, headers=token),
        http.get("/admin/v1/requests/none-such", headers=token),
        http.get("/metrics", headers=token),
        http.get("/openapi.json", headers=token),
        http.get("/healthz"),
        http.get("/readyz"),
        http.post(
            "/admin/v1/config/apply",
            content=CONFIG_TEXT,
            headers={"if-match": "*", "content-type": "text/plain"},
        ),
        http.post("/admin/v1/config/apply", content=CONFIG_TEXT, headers={"if-match": "*"} | token),
    ]
    answers = [await one for one in asked]
    assert {answer.status_code for answer in answers} >= {200, 401, 503}
    return "\n".join(f"{answer.status_code} {dict(answer.headers)} {answer.text}" for answer in answers)


@pytest.mark.parametrize("sasl", [False, True], ids=["kafka answers", "kafka refuses"])
async def test_no_secret_shows_in_answers_metrics_logs_or_arguments(
    kafka, topics, postgres, tmp_path, sasl: bool
):
    async with postgres.database() as url:
        secret_url = re.sub(r"//([^@/]+)@", rf"//\1:{quote(DSN_PASSWORD, safe='')}@", url)
        assert secret_url != url
        cell = Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=secret_url)
        more = {"INTERLOCK_LOG_LEVEL": "DEBUG", "INTERLOCK_ADMIN_TOKEN": TOKEN}
        more["INTERLOCK_KAFKA_SASL_PASSWORD"] = SASL_PASSWORD
        more["INTERLOCK_KAFKA_SASL_USERNAME"] = "someone"
        if sasl:
            more["INTERLOCK_KAFKA_SECURITY_PROTOCOL"] = "SASL_PLAINTEXT"
        port = free_port()
        process: ServerProcess = cell.process("control", "control", port=port, **more)
        await process.start(timeout_s=PATIENCE_S)
        base = f"http://127.0.0.1:{port}"
        try:
            async with httpx2.AsyncClient(base_url=base, timeout=PATIENCE_S, trust_env=False) as http:
                said = await said_by(http)
                if sys.platform == "linux":
                    said += command_lines(process.pid)
        finally:
            ended = await process.stop(timeout_s=PATIENCE_S)
        assert ended == 0
        assert sasl or "spawn_main" in said or sys.platform != "linux"
        assert "the control plane answers at" in process.log()
        assert not leaked(said)
        assert not leaked(process.log())
