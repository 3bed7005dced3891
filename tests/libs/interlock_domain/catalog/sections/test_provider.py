"""Providers: built-in facts by name, and what only their name decides."""

import pytest

from interlock_domain.catalog.config import Config, parse_config
from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.provider import AuthScheme, Provider
from interlock_domain.catalog.sections.provider import PROVIDERS, WELL_KNOWN
from interlock_domain.words import Api
from tests.libs.interlock_domain.catalog.reading import issues_of


def read(name: str, **keys: object) -> Provider:
    config = parse_config({"providers": {name: keys}})
    assert isinstance(config, Config)
    return config.providers[0]


@pytest.mark.parametrize("name", sorted(WELL_KNOWN))
def test_a_well_known_provider_needs_its_name_only(name: str) -> None:
    provider = read(name)
    assert provider.base_url == WELL_KNOWN[name].base_url
    assert provider.base_url.startswith("https://")
    assert not provider.base_url.endswith("/")


def test_anthropic_speaks_its_own_style() -> None:
    provider = read("anthropic")
    assert provider.apis == (Api.MESSAGES,)
    assert provider.auth == AuthScheme(header="x-api-key", prefix="")


@pytest.mark.parametrize(
    ("keys", "auth"),
    [
        ({"apis": ["messages"]}, AuthScheme(header="x-api-key", prefix="")),
        ({"apis": ["messages"], "auth": None}, AuthScheme(header="x-api-key", prefix="")),
        ({"apis": ["messages"], "auth": {"header": "api-key"}}, AuthScheme(header="api-key", prefix="")),
        (
            {"apis": ["messages"], "auth": {"header": "authorization", "prefix": "Bearer "}},
            AuthScheme(),
        ),
        ({"apis": ["chat", "messages"]}, AuthScheme()),
        ({}, AuthScheme()),
    ],
)
def test_who_speaks_messages_alone_takes_its_credential_as_anthropic_does(keys, auth) -> None:
    assert read("local", base_url="http://h", **keys).auth == auth


def test_what_the_file_says_goes_before_what_is_built_in() -> None:
    provider = read("groq", base_url="http://127.0.0.1:1", apis=["chat"], auth={"prefix": "Token "})
    assert (provider.base_url, provider.apis) == ("http://127.0.0.1:1", (Api.CHAT,))
    assert provider.auth == AuthScheme(prefix="Token ")


def test_any_other_provider_needs_an_address() -> None:
    (issue,) = issues_of({"providers": {"mine": {"api_key": "none"}}})
    assert (issue.path, issue.code) == (("providers", "mine"), IssueCode.MISSING)
    assert issue.message == "provider `mine` has no `base_url`"


def test_an_address_with_a_mistake_is_one_issue() -> None:
    (issue,) = issues_of({"providers": {"mine": {"base_url": "h"}}})
    assert issue.code == IssueCode.BAD_URL


@pytest.mark.parametrize("apis", [[], None])
def test_a_provider_speaks_something(apis: object) -> None:
    (issue,) = issues_of({"providers": {"openai": {"apis": apis}}})
    assert (issue.path, issue.code) == (("providers", "openai", "apis"), IssueCode.MISSING)


@pytest.mark.parametrize("name", ["a/b", "a b", ""])
def test_a_provider_name_stands_before_the_slash_of_a_target(name: str) -> None:
    (issue,) = issues_of({"providers": {name: {"base_url": "http://h"}}})
    assert (issue.path, issue.code, issue.on_key) == (("providers", name), IssueCode.BAD_NAME, True)


def test_a_name_that_is_no_text_needs_quotes() -> None:
    (issue,) = issues_of({"providers": {7: {"base_url": "http://h"}}})
    assert (issue.path, issue.hint) == (("providers", "7"), "Put it into quotes.")


def test_a_provider_is_written_as_it_is_read() -> None:
    providers = {
        "a": read("a", base_url="http://h", headers={"x-a": "b", "x-key": "env:K"}, labels={"zone": "1"})
    }
    assert parse_config({"providers": PROVIDERS.write(providers)}) == Config(
        providers=tuple(providers.values())
    )
