"""No secret gets into a configuration, and no message repeats one."""

from typing import Any

import pytest

from interlock_domain.catalog.issue import Issue, IssueCode
from interlock_domain.catalog.provider import HeaderValue, Provider, SecretRef
from tests.libs.interlock_domain.catalog.reading import config_of, issues_of

BASE = "http://127.0.0.1:9001/v1"
SECRET = "sk-live-51f3"


def provider(**keys: Any) -> Provider:
    return config_of(providers={"local": {"base_url": BASE, **keys}}).providers[0]


def provider_issue(**keys: Any) -> Issue:
    (issue,) = issues_of({"providers": {"local": {"base_url": BASE, **keys}}})
    assert SECRET not in issue.message + issue.hint
    return issue


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("env:KEY_1", SecretRef(env="KEY_1")),
        ("file:/run/secrets/k", SecretRef(file="/run/secrets/k")),
        ("none", None),
        (None, None),
    ],
)
def test_a_credential_is_a_reference(text: str | None, ref: SecretRef | None) -> None:
    assert provider(api_key=text).api_key == ref


@pytest.mark.parametrize(
    "value", [SECRET, "env:", "env:1A", "file:", "file:a\nb", "ENV:A", 3, [SECRET], {"a": SECRET}, ""]
)
def test_anything_else_is_taken_for_the_secret_itself(value: Any) -> None:
    issue = provider_issue(api_key=value)
    assert (issue.path, issue.code) == (("providers", "local", "api_key"), IssueCode.LITERAL_SECRET)


def test_headers_are_literals_or_references_in_lower_case() -> None:
    headers = {"X-Team": "routing", "X-Api-Key": "env:KEY", "Cookie": "file:/c"}
    assert provider(headers=headers).headers == {
        "x-team": HeaderValue(literal="routing"),
        "x-api-key": HeaderValue(ref=SecretRef(env="KEY")),
        "cookie": HeaderValue(ref=SecretRef(file="/c")),
    }
    assert provider(headers=None).headers == {}


@pytest.mark.parametrize(
    "name", ["Authorization", "x-API-key", "x-goog-token", "client_secret", "Set-Cookie"]
)
def test_a_literal_under_a_telling_header_name_is_refused(name: str) -> None:
    issue = provider_issue(headers={name: SECRET})
    assert (issue.path, issue.code) == (("providers", "local", "headers", name), IssueCode.LITERAL_SECRET)


@pytest.mark.parametrize("value", [3, None, "two\nlines", "naïve", [SECRET]])
def test_a_header_is_one_line_of_ascii(value: Any) -> None:
    assert provider_issue(headers={"x-team": value}).code == IssueCode.WRONG_TYPE


@pytest.mark.parametrize("name", ["", "two words", "x:y", 3])
def test_a_header_name_is_a_token(name: Any) -> None:
    issue = provider_issue(headers={name: "a"})
    assert (issue.code, issue.on_key) == (IssueCode.BAD_NAME, True)


def test_a_header_is_there_once_whatever_its_case() -> None:
    issue = provider_issue(headers={"x-a": "1", "X-A": "2"})
    assert (issue.code, issue.on_key, issue.path[-1]) == (IssueCode.DUPLICATE, True, "X-A")


@pytest.mark.parametrize("key", ["headers", "query", "labels", "auth"])
def test_a_misplaced_secret_is_not_repeated(key: str) -> None:
    issue = provider_issue(**{key: SECRET})
    assert (issue.path[-1], issue.code) == (key, IssueCode.WRONG_TYPE)
    assert issue.message.endswith("not text")


def test_query_parameters_are_text_and_no_secrets() -> None:
    assert provider(query={"api-version": "2026-01-01"}).query == {"api-version": "2026-01-01"}
    assert provider(query=None).query == {}
    assert provider_issue(query={"api-version": 3}).code == IssueCode.WRONG_TYPE
    assert provider_issue(query={3: "a"}).code == IssueCode.WRONG_TYPE
    assert provider_issue(query={"key": SECRET}).code == IssueCode.LITERAL_SECRET


@pytest.mark.parametrize(
    "url", ["http://h/v1/", "http://h:80/v1//", "https://[::1]:9/v1", "http://a_b-c.d/x@y"]
)
def test_an_address_has_no_slash_at_its_end(url: str) -> None:
    assert provider(base_url=url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/v1",
        "h/v1",
        "http://",
        "http:///v1",
        "http://h/a b",
        "http://h:x/",
        "http://h/\n",
        "",
        "HTTP://h",
    ],
)
def test_what_is_no_http_address_is_refused(url: str) -> None:
    assert provider_issue(base_url=url).code == IssueCode.BAD_URL


@pytest.mark.parametrize("url", [f"http://u:{SECRET}@h/v1", f"https://{SECRET}@h"])
def test_user_and_password_in_an_address_are_refused(url: str) -> None:
    assert provider_issue(base_url=url).code == IssueCode.LITERAL_SECRET


@pytest.mark.parametrize("url", [f"http://h/v1?k={SECRET}", f"http://h/v1#{SECRET}"])
def test_a_query_in_a_base_address_is_refused(url: str) -> None:
    issue = provider_issue(base_url=url)
    assert (issue.code, issue.hint) == (IssueCode.BAD_URL, "Put query parameters into `query`.")


def test_an_address_is_text() -> None:
    assert provider_issue(base_url=3).code == IssueCode.WRONG_TYPE


def test_a_webhook_may_have_a_query() -> None:
    config = config_of(alerts=[{"url": "https://h/hook/?a=1", "secret": "env:HOOK"}])
    assert config.alerts[0].url == "https://h/hook/?a=1"
    assert config.alerts[0].secret == "env:HOOK"
    assert config_of(alerts=[{"url": "https://h", "secret": "none"}]).alerts[0].secret is None
