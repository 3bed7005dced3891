from pathlib import Path

from interlock_testing.services.settings import service_settings


def test_an_empty_environment_asks_for_nothing_and_requires_nothing() -> None:
    said = service_settings({"HOME": "/home/anna"})
    assert (said.kafka, said.database_url, said.java_home, said.required) == (None, None, None, False)
    assert said.cache == Path("/home/anna/.cache/interlock")
    assert said.docker == "unix:///var/run/docker.sock"


def test_what_the_environment_names_is_taken() -> None:
    said = service_settings(
        {
            "INTERLOCK_TEST_KAFKA": "k:9092",
            "INTERLOCK_TEST_DATABASE_URL": "postgresql://p/db",
            "XDG_CACHE_HOME": "/cache",
            "DOCKER_HOST": "tcp://d:2375",
            "CI": "true",
        }
    )
    assert (said.kafka, said.database_url) == ("k:9092", "postgresql://p/db")
    assert (said.cache, said.docker, said.required) == (Path("/cache/interlock"), "tcp://d:2375", True)


def test_an_empty_variable_is_an_absent_one() -> None:
    said = service_settings({"HOME": "/h", "INTERLOCK_TEST_KAFKA": "", "XDG_CACHE_HOME": "", "CI": ""})
    assert (said.kafka, said.cache, said.required) == (None, Path("/h/.cache/interlock"), False)
