"""Pools in which nothing takes over are named, for each API that a member speaks."""

from interlock_domain.catalog.config import Config, parse_config
from interlock_domain.catalog.single_points import single_points

PROVIDERS = {
    "atlas": {"base_url": "http://127.0.0.1:1/v1", "apis": ["chat", "embeddings"]},
    "breeze": {"base_url": "http://127.0.0.1:2/v1", "apis": ["chat"]},
    "cirrus": {"base_url": "http://127.0.0.1:3", "apis": ["messages"]},
}


def told(*members: str) -> tuple[str, ...]:
    config = parse_config({"providers": PROVIDERS, "pools": {"chat": list(members)}})
    assert isinstance(config, Config), config
    return single_points(config)


def test_given_a_pool_of_one_then_it_is_told_once_and_not_for_each_api() -> None:
    assert told("atlas/a") == ("pool `chat` has atlas/a alone: nothing takes over when it fails",)


def test_given_two_members_that_speak_the_same_then_nothing_is_told() -> None:
    assert told("breeze/a", "breeze/b") == ()


def test_given_an_api_that_one_member_speaks_then_it_is_named_with_that_member() -> None:
    assert told("atlas/a", "breeze/b") == (
        "pool `chat` has atlas/a alone for the API embeddings: nothing takes over when it fails",
    )


def test_given_two_members_of_different_apis_then_each_is_alone() -> None:
    assert [line.split(" alone ")[0] for line in told("breeze/b", "cirrus/c")] == [
        "pool `chat` has breeze/b",
        "pool `chat` has cirrus/c",
    ]
