"""PostgreSQL behind TLS and a password: the right papers migrate and work, all others get a sentence."""

from collections.abc import Iterator
from typing import Any

import pytest

from interlock_runtime.migrate import schema_state, upgrade
from interlock_runtime.postgres import DatabaseUnreachable, check_schema, open_postgres
from interlock_testing.services.postgres import LOCKED
from interlock_testing.services.tiers import LocalPostgres
from tests.cluster_fixtures import held
from tests.libs.interlock_runtime.locked import PASSWORD, WRONG, Locked, locked_server


@pytest.fixture(scope="module")
def locked(tls_postgres: LocalPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    with held(locked_server(tls_postgres, tmp_path_factory.mktemp("locked"))) as one:
        yield one


async def test_with_the_right_papers_the_schema_is_made_and_seen_over_tls(locked):
    url = locked.url(sslmode="verify-full", sslrootcert=locked.ca)
    await upgrade(url)
    assert (await schema_state(url)).current
    engine = open_postgres(url)
    try:
        await check_schema(engine)
        async with engine.connect() as connection:
            asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            assert (await connection.exec_driver_sql(asked)).scalar() is True
    finally:
        await engine.dispose()


WRONGS: dict[str, tuple[dict[str, Any], str]] = {
    "another authority": ({"sslmode": "verify-full", "sslrootcert": "other"}, "sslrootcert"),
    "a name that the certificate lacks": (
        {"sslmode": "verify-full", "sslrootcert": "own", "host": "localhost"},
        "the right host",
    ),
    "a wrong password": (
        {"sslmode": "verify-full", "sslrootcert": "own", "password": WRONG},
        "refuses the user or the password",
    ),
    "no TLS": ({"sslmode": "disable"}, "sslmode"),
    "an authority that is not there": (
        {"sslmode": "verify-full", "sslrootcert": "/nowhere.pem"},
        "the authority /nowhere.pem",
    ),
    "a mode that is none": ({"sslmode": "always"}, "sslmode"),
}


@pytest.mark.parametrize(("options", "said"), WRONGS.values(), ids=WRONGS)
async def test_with_wrong_papers_one_sentence_says_what_to_correct(locked, options, said):
    named = {"own": locked.ca, "other": locked.other_ca}
    given = {name: named.get(value, value) for name, value in options.items()}
    with pytest.raises(DatabaseUnreachable) as refused:
        await upgrade(locked.url(**given))
    sentence = str(refused.value)
    assert said in sentence
    for word in (PASSWORD, WRONG, LOCKED + ":", "\n"):
        assert word not in sentence
