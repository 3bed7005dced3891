"""Our spelling of other people's names, compared with the package that their makers publish."""

from importlib import import_module
from typing import Any

import pytest
from opentelemetry.semconv.schemas import Schemas

from interlock_runtime.telemetry import names

ATTRIBUTES = ("gen_ai", "http", "url", "server", "error", "messaging", "service")
OURS = "router."


def published() -> set[str]:
    """Every attribute and metric of these areas."""
    modules: list[Any] = [import_module("opentelemetry.semconv._incubating.metrics.gen_ai_metrics")]
    for area in ATTRIBUTES:
        for place in ("opentelemetry.semconv.attributes", "opentelemetry.semconv._incubating.attributes"):
            try:
                modules.append(import_module(f"{place}.{area}_attributes"))
            except ModuleNotFoundError:
                continue
    return {value for one in modules for value in vars(one).values() if isinstance(value, str)}


def spelt() -> list[str]:
    """Every dotted name of the module and of its two versions."""
    constants = [value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)]
    versions = [
        value
        for one in (names.V1_36, names.V1_44)
        for value in (one.provider, one.stream, one.time_to_first_chunk, one.client_first_chunk)
        if value is not None
    ]
    return sorted({text for text in constants + versions if "." in text})


@pytest.mark.parametrize("name", [one for one in spelt() if not one.startswith(OURS)])
def test_a_name_that_is_not_ours_is_one_that_is_published(name):
    assert name in published()


@pytest.mark.parametrize("name", [one for one in spelt() if one.startswith(OURS)])
def test_no_name_of_ours_is_taken(name):
    assert name not in published()


def test_both_versions_are_published_ones():
    assert {names.V1_36.schema_url, names.V1_44.schema_url} <= {one.value for one in Schemas}


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, names.V1_36),
        ({"OTEL_SEMCONV_STABILITY_OPT_IN": "http"}, names.V1_36),
        ({"OTEL_SEMCONV_STABILITY_OPT_IN": "http, gen_ai_latest_experimental"}, names.V1_44),
    ],
)
def test_the_newest_names_want_to_be_asked_for(environ, found):
    assert names.conventions(environ) == found


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("api.openai.com", "openai"),
        ("my.openai.azure.com", "azure.ai.openai"),
        ("api.x.ai", "x_ai"),
        ("phoenix.ai", "mine"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "aws.bedrock"),
        ("127.0.0.1", "mine"),
    ],
)
def test_a_provider_is_known_by_its_address_else_by_its_operators_word(host, found):
    assert names.provider_name("mine", host) == found


def test_buckets_are_those_of_the_conventions():
    assert names.DURATION_BUCKETS[0] == 0.01
    assert names.DURATION_BUCKETS[-1] == pytest.approx(81.92)
    assert names.TOKEN_BUCKETS[-1] == 67_108_864
