"""The ground of a cluster, step by step, on a real Kafka and a real PostgreSQL."""

import asyncio

import pytest
from msgspec.structs import replace

from interlock_cli.cell import Wanted, ground
from interlock_cli.mend import Line
from interlock_cli.refusal import Refusal
from interlock_domain.catalog.config import Config
from interlock_domain.catalog.policy import CooldownPolicy, Policy, Retention, TargetPolicy
from interlock_runtime.settings import RuntimeSettings
from interlock_testing.services.cells import fresh_topics
from interlock_testing.services.databases import PostgresService
from interlock_testing.services.kafka import KafkaService
from interlock_testing.waiting import free_port
from tests.services.interlock_quickstart.process import COMMAND, plain_environment

HOUR = 3_600_000
NOWHERE = RuntimeSettings(gateway_id="g", database_url="postgresql://bob:geheim@127.0.0.1:1/db")
APPLY = Wanted(config=Config())
LOOK = Wanted(config=Config(), look_only=True)


def settings(url: str, kafka: KafkaService, prefix: str | None = None) -> RuntimeSettings:
    return RuntimeSettings(
        gateway_id="g",
        database_url=url,
        kafka_bootstrap=kafka.bootstrap,
        topic_prefix=prefix or fresh_topics().prefix,
    )


async def said(where: RuntimeSettings, wanted: Wanted) -> list[Line]:
    return [line async for line in ground(where, wanted)]


async def refused(where: RuntimeSettings, wanted: Wanted) -> str:
    with pytest.raises(Refusal) as refusal:
        await said(where, wanted)
    assert refusal.value.code == 1
    return str(refusal.value)


async def test_given_nothing_when_looked_at_made_and_looked_at_again_then_each_says_what_is_so(
    postgres: PostgresService, kafka: KafkaService
) -> None:
    async with postgres.empty_database() as url:
        where = settings(url, kafka)
        seen = await said(where, LOOK)
        assert [line.what for line in seen] == ["schema", *["topic"] * 5, "generation"]
        assert all(line.todo for line in seen)
        made = await said(where, APPLY)
        assert "migrated (the database was empty)" in made[0].says
        assert made[-1] == Line(what="generation", says="1")
        assert await said(where, APPLY) == await said(where, LOOK)
        assert not any(line.todo or line.wrong for line in await said(where, LOOK))


async def test_given_a_new_generation_then_it_rises_once_each_time_and_says_what_it_means(
    database_url: str, kafka: KafkaService
) -> None:
    where = settings(database_url, kafka)
    raised = [(await said(where, replace(APPLY, new_generation=True)))[-1].says for _ in range(2)]
    assert raised[0].startswith("2: gateways take whatever position")
    assert raised[1].startswith("3: ")


async def test_given_a_wrong_topic_then_the_generation_stays(database_url: str, kafka: KafkaService) -> None:
    where = settings(database_url, kafka)
    await said(where, APPLY)
    longer = Config(retention=Retention(events_ms=60 * 24 * HOUR))
    told = await said(where, Wanted(config=longer, new_generation=True))
    wrong = [line.says for line in told if line.wrong]
    assert len(wrong) == 1
    assert "retention.ms=1209600000 and wants at least 5184000000" in wrong[0]
    assert "generation" not in [line.what for line in told]
    assert (await said(where, APPLY))[-1].says == "1"


@pytest.mark.parametrize(
    ("config", "least"),
    [
        (Config(retention=Retention(events_ms=2 * HOUR - 1)), "2h"),
        (Config(policy=Policy(target=TargetPolicy(cooldown=CooldownPolicy(max_ms=200 * 24 * HOUR)))), ""),
    ],
)
async def test_given_a_retention_shorter_than_twice_the_folds_memory_then_nothing_is_touched(
    config: Config, least: str
) -> None:
    told = await refused(NOWHERE, Wanted(config=config))
    assert f"it must be at least {least}" in told
    assert "raise it in the file" in told


@pytest.mark.parametrize("url", [None, "sqlite:///x.db"])
async def test_given_no_postgres_then_the_variable_is_named(url: str | None) -> None:
    told = await refused(replace(NOWHERE, database_url=url), APPLY)
    assert told.startswith("INTERLOCK_DATABASE_URL")
    assert "interlock quickstart" in told


async def test_given_no_kafka_is_named_then_the_variable_is() -> None:
    assert "INTERLOCK_KAFKA_BOOTSTRAP" in await refused(NOWHERE, APPLY)


async def test_given_a_database_that_is_away_then_the_sentence_holds_no_secret(kafka: KafkaService) -> None:
    where = settings(f"postgresql://bob:geheim@127.0.0.1:{free_port()}/db", kafka)
    told = await refused(where, APPLY)
    assert "cannot be reached" in told
    assert "geheim" not in told


async def test_given_kafka_is_away_then_the_tables_are_made_and_a_sentence_names_the_broker(
    postgres: PostgresService, kafka: KafkaService
) -> None:
    nobody = KafkaService(bootstrap=(f"127.0.0.1:{free_port()}",))
    async with postgres.empty_database() as url:
        assert f"Kafka at {nobody.bootstrap[0]} cannot be reached" in await refused(
            settings(url, nobody), APPLY
        )
        again = await said(settings(url, kafka), APPLY)
        assert again[0].says.endswith("up to date")


async def test_the_command_prints_its_lines_and_its_exit_code_says_whether_there_is_something_to_do(
    postgres: PostgresService, kafka: KafkaService
) -> None:
    async with postgres.empty_database() as url:
        environment = plain_environment(
            INTERLOCK_DATABASE_URL=url,
            INTERLOCK_KAFKA_BOOTSTRAP=",".join(kafka.bootstrap),
            INTERLOCK_TOPIC_PREFIX=fresh_topics().prefix,
        )

        async def interlock(*words: str) -> tuple[int | None, str, str]:
            process = await asyncio.create_subprocess_exec(
                *COMMAND, "migrate", *words, env=environment, stdout=-1, stderr=-1
            )
            out, err = await process.communicate()
            return process.returncode, out.decode(), err.decode()

        assert (await interlock("--check"))[0] == 2
        code, out, err = await interlock()
        assert (code, err, len(out.splitlines())) == (0, "", 7)
        assert (await interlock("--check"))[0] == 0
        code, out, err = await interlock("--replication", "2")
        assert (code, err) == (1, "")
        code, out, err = await interlock("--check", "--new-generation")
        assert (code, out) == (2, "")
        assert err == (
            "interlock migrate: --check changes nothing and --new-generation does: choose one of them\n"
        )
